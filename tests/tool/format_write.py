#!/usr/bin/env python3
"""Has a real framework write one full-size model, with the synthetic weights of the reference
folder, in each of its formats. Run by format_table.py in the framework's own environment:

    python format_write.py FRAMEWORK REFERENCE_DIR MODEL OUT_FOLDER

Prints "LABEL<TAB>FILE" for each file and saves the framework's own logits of picture A of
224x224 to OUT_FOLDER/logits.npy."""
import os, pathlib, subprocess, sys
import numpy as np

framework, reference, model, out = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
sys.path.insert(0, str(reference / "models"))
import synth

SIZE = 224
picture = synth.image("A", SIZE, SIZE)[None]


def made(label, name):
    print(f"{label}\t{out}/{name}", flush=True)


def values():
    for line in open(reference / f"models/reference/{model}.manifest.tsv"):
        if not line.startswith("#"):
            name, shape = line.split("\t")[:2]
            yield name, synth.model_tensor(model, name, tuple(int(n) for n in shape.split("x")))


def write_torch():
    import onnx, timm, torch
    from safetensors.torch import save_file
    net = timm.create_model(model.removeprefix("timm_")).eval()
    state = net.state_dict() | {n: torch.from_numpy(t) for n, t in values()}
    net.load_state_dict(state)
    x = torch.from_numpy(picture)
    with torch.no_grad():
        np.save(f"{out}/logits.npy", net(x).numpy())
    torch.save(state, f"{out}/m.pth")
    made(".pth", "m.pth")
    torch.save({"state_dict": state}, f"{out}/legacy.pth", _use_new_zipfile_serialization=False)
    made(".pth, legacy, nested", "legacy.pth")
    save_file(state, f"{out}/m.safetensors")
    made(".safetensors", "m.safetensors")
    torch.jit.trace(net, x).save(f"{out}/m.pt")
    made("TorchScript", "m.pt")
    torch.onnx.export(net, x, f"{out}/folded.onnx", dynamo=False, opset_version=13)
    made("ONNX 13, folded", "folded.onnx")
    torch.onnx.export(net, x, f"{out}/plain.onnx", dynamo=False, opset_version=17, do_constant_folding=False,
                      training=torch.onnx.TrainingMode.PRESERVE)
    made("ONNX 17, not folded", "plain.onnx")
    onnx.save_model(onnx.load(f"{out}/folded.onnx"), f"{out}/external.onnx", save_as_external_data=True, location="external.data")
    made("ONNX 13, external data", "external.onnx")
    torch.onnx.export(net, (x,), f"{out}/dynamo.onnx", dynamo=True, opset_version=18, verbose=False)
    made("ONNX 18, torch.export", "dynamo.onnx")


def write_keras():
    import keras
    keras.utils.set_random_seed(0)
    make = lambda activation: keras.applications.Xception(weights=None, input_shape=(SIZE, SIZE, 3), classifier_activation=activation)
    net = make("softmax")
    known = dict(values())
    for layer in net.layers:
        layer.set_weights([known[f"{layer.name}/{w.name.split('/')[-1].split(':')[0]}"] for w in layer.weights])
    bare = make(None)
    bare.set_weights(net.get_weights())
    np.save(f"{out}/logits.npy", bare.predict(picture.transpose(0, 2, 3, 1), verbose=0))
    version = "Keras " + keras.__version__.split(".")[0]
    net.save(f"{out}/m.h5")
    made(f".h5, {version}", "m.h5")
    net.save(f"{out}/m.keras")
    made(f".keras, {version}", "m.keras")
    if version == "Keras 2":
        net.save_weights(f"{out}/weights.h5")
        made(f".h5, weights, {version}", "weights.h5")
        return
    net.save_weights(f"{out}/m.weights.h5")
    made(f".weights.h5, {version}", "m.weights.h5")
    import h5py, tf2onnx, tensorflow as tf
    from keras.src.legacy.saving import legacy_h5_format
    with h5py.File(f"{out}/legacy.h5", "w") as f:
        legacy_h5_format.save_weights_to_hdf5_group(f, net)
    made(f".h5, weights, {version}", "legacy.h5")
    call = tf.function(lambda x: net(x, training=False), input_signature=[tf.TensorSpec((None, SIZE, SIZE, 3), tf.float32)])
    for opset in (13, 17):
        tf2onnx.convert.from_function(call, call.input_signature, opset=opset, output_path=f"{out}/nhwc{opset}.onnx")
        made(f"ONNX {opset}, tf2onnx NHWC", f"nhwc{opset}.onnx")


def write_paddle():
    import importlib.util, paddle
    # PaddleClas' own model files, without what else the package asks for.
    root = pathlib.Path(importlib.util.find_spec("paddleclas").submodule_search_locations[0])
    part = "xception_deeplab" if model.endswith("deeplab") else "xception"
    text = (root / f"ppcls/arch/backbone/model_zoo/{part}.py").read_text()
    pathlib.Path(f"{out}/zoo.py").write_text(text.replace("from ....utils.save_load import load_dygraph_pretrain", ""))
    sys.path.insert(0, out)
    import zoo
    net = getattr(zoo, model.removeprefix("ppcls_").capitalize())()
    net.set_state_dict({n: paddle.to_tensor(t) for n, t in values()})
    net.eval()
    np.save(f"{out}/logits.npy", net(paddle.to_tensor(picture)).numpy())
    version = "Paddle " + paddle.__version__.split(".")[0]
    paddle.save(net.state_dict(), f"{out}/m.pdparams")
    made(f".pdparams, {version}", "m.pdparams")
    paddle.jit.save(net, f"{out}/m", input_spec=[paddle.static.InputSpec([None, 3, SIZE, SIZE], "float32", "x")])
    program = "m.json" if version == "Paddle 3" else "m.pdmodel"
    made(f"{program[1:]}+.pdiparams, {version}", program)
    opset = 13 if version == "Paddle 3" else 10
    subprocess.run([f"{sys.prefix}/bin/paddle2onnx", "--model_dir", out, "--model_filename", program, "--params_filename", "m.pdiparams",
                    "--save_file", f"{out}/m.onnx", "--opset_version", str(opset), "--enable_onnx_checker", "False"],
                   check=True, stdout=sys.stderr)
    made(f"ONNX {opset}, paddle2onnx", "m.onnx")


{"torch": write_torch, "keras": write_keras, "paddle": write_paddle}[framework.rstrip("23")]()
