#!/usr/bin/env python3
"""Full-size models with the synthetic weights of the reference folder as files of their
publishers' formats, opened by xlens: the largest difference from the publisher's logits, as
a part of their range, load time and peak memory.

    python3 tests/tool/format_table.py XLENS REFERENCE_DIR [MODEL…]

torch's archives are written here the way torch writes them (tests/unit has files by torch
itself, small ones); .pdparams by numpy's own pickling, as Paddle does; .h5 by h5py."""
import json, multiprocessing, os, pathlib, pickle, sys, tempfile, time, zipfile
import numpy as np

xlens, reference = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(reference / "models"))
import synth


def tensors(model):
    for line in open(reference / f"models/reference/{model}.manifest.tsv"):
        if not line.startswith("#"):
            name, shape = line.split("\t")[:2]
            yield name, synth.model_tensor(model, name, tuple(int(n) for n in shape.split("x")))


class Call:
    """Pickles as a call of a global that need not exist here."""

    def __init__(self, name, *args):
        self.name, self.args = name, args


class Storage:
    def __init__(self, key, size):
        self.key, self.size = key, size


class Pickler(pickle._Pickler):  # the one in Python, which can be told what to write
    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Call):
            module, name = obj.name.rsplit(".", 1)
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
            if obj.args:
                super().save(obj.args)
                self.write(pickle.REDUCE)
        elif isinstance(obj, Storage):
            super().save(("storage", Call("torch.FloatStorage"), obj.key, "cpu", obj.size))
            self.write(pickle.BINPERSID)
        else:
            super().save(obj, save_persistent_id)


def torch_dict(model):
    values, blobs = {}, []
    for i, (name, t) in enumerate(tensors(model)):
        strides = tuple(int(np.prod(t.shape[k + 1:])) for k in range(t.ndim))
        values[name] = Call("torch._utils._rebuild_tensor_v2", Storage(str(i), t.size), 0, t.shape, strides, False, {})
        blobs.append(t.tobytes())
    return values, blobs


def write_pth(model, path):
    values, blobs = torch_dict(model)
    with zipfile.ZipFile(path, "w") as z:
        with z.open("archive/data.pkl", "w") as f:
            Pickler(f, 2).dump(values)
        z.writestr("archive/byteorder", "little")
        for i, blob in enumerate(blobs):
            z.writestr(f"archive/data/{i}", blob)


def write_legacy(model, path):
    values, blobs = torch_dict(model)
    with open(path, "wb") as f:
        for head in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}):
            pickle.dump(head, f, 2)
        Pickler(f, 2).dump(values)
        pickle.dump([str(i) for i in range(len(blobs))], f, 2)
        for blob in blobs:
            f.write((len(blob) // 4).to_bytes(8, "little") + blob)


def write_pdparams(model, path):
    with open(path, "wb") as f:
        pickle.dump(dict(tensors(model)) | {"StructuredToParameterName@@": {}}, f, 4)


def write_safetensors(model, path):
    values, at, header = list(tensors(model)), 0, {}
    for name, t in values:
        header[name] = {"dtype": "F32", "shape": t.shape, "data_offsets": [at, at + t.nbytes]}
        at += t.nbytes
    head = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(len(head).to_bytes(8, "little") + head)
        for _, t in values:
            f.write(t.tobytes())


def write_h5(model, path):
    import h5py
    layers = {}
    for name, t in tensors(model):
        layers.setdefault(name.split("/")[0], []).append((name, t))
    with h5py.File(path, "w") as f:
        f.attrs["layer_names"], f.attrs["backend"] = list(layers), "tensorflow"
        for layer, weights in layers.items():
            group = f.create_group(layer)
            group.attrs["weight_names"] = [n for n, _ in weights]
            for n, t in weights:
                group[n] = t


def formats(model):
    if model.startswith("timm"):
        return {"pth": write_pth, "legacy.pth": write_legacy, "safetensors": write_safetensors}
    return {"h5": write_h5} if model.startswith("keras") else {"pdparams": write_pdparams}


def run(*args):
    start = time.monotonic()
    pid = os.posix_spawn(xlens, [xlens, *map(str, args)], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    return status, time.monotonic() - start, usage.ru_maxrss / 1024


with tempfile.TemporaryDirectory() as folder:
    picture, out = f"{folder}/in.npz", f"{folder}/out.npz"
    np.savez(picture, input_0=synth.image("A", 224, 224)[None])
    print(f"{'model':26}{'format':14}{'difference':>12}{'MB':>8}{'open s':>8}{'peak MiB':>10}")
    for model in sys.argv[3:] or synth.MODELS:
        want = np.load(reference / f"models/reference/{model}.npz")["logits_A_224x224"].ravel()
        for suffix, write in formats(model).items():
            path = f"{folder}/model.{suffix}"
            # In a process of its own: a child's peak begins with that of its parent.
            writer = multiprocessing.Process(target=write, args=(model, path))
            writer.start()
            writer.join()
            status, _, _ = run("predict", "-m", path, "--input-npz", picture, "--logits", out, "--force")
            if status:
                sys.exit(f"{model}.{suffix}: status {status}")
            got = np.load(out)["logits"][0]
            _, seconds, peak = min(run("info", path) for _ in range(3))
            worst = np.abs(got - want).max() / (want.max() - want.min())
            print(f"{model:26}{suffix:14}{worst:12.1e}{os.path.getsize(path) / 1e6:8.1f}{seconds:8.2f}{peak:10.0f}", flush=True)
            os.unlink(path)
            if worst > 1e-4:
                sys.exit("more than 1e-4")
