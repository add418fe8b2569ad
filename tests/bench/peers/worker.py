"""One peer in a process of its own, asked over a pipe like bench_worker.c:
    worker.py ENGINE PRECISION MODEL THREADS BATCH SIZE INPUT
Says "ready VERSION" after the first result; then "run N" and "logits FILE"."""
import os, sys, time, warnings

# What an engine prints must not be taken for an answer.
answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)

engine, precision, model, threads, batch, size, source = sys.argv[1:]
threads, batch, size = int(threads), int(batch), int(size)
os.environ["OMP_NUM_THREADS"] = str(threads)
import numpy as np


def onnxruntime(x):
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Spin between operators, as it does by default, but not between turns.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return ort.__version__, lambda: session.run(None, {"input": x})[0]


def openvino(x):
    import openvino as ov
    hint = {"bf16": "bf16"}.get(precision, "f32")
    compiled = ov.Core().compile_model(model, "CPU", {
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": hint})
    request = compiled.create_infer_request()
    request.set_input_tensor(ov.Tensor(x))

    def run():
        request.infer()
        return request.get_output_tensor(0).data
    return ov.__version__.split("-")[0], run


def mnn(x):
    import MNN
    import MNN.expr as F
    config = {"backend": "CPU", "numThread": threads, "precision": "normal",
              "memory": "low" if precision == "int8" else "normal"}  # low: computes with the 8-bit weights
    runtime = MNN.nn.create_runtime_manager((config,))
    net = MNN.nn.load_module_from_file(model, ["input"], ["output"], runtime_manager=runtime)
    value = F.const(x, list(x.shape), F.NCHW)
    return MNN.version(), lambda: np.asarray(net.forward(value).read())


def ncnn(x):
    import ncnn
    net = ncnn.Net()
    net.opt.num_threads, net.opt.use_vulkan_compute = threads, False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = precision == "bf16"
    if hasattr(net.opt, "use_bf16_packed"):
        net.opt.use_bf16_packed = precision == "bf16"
    net.load_param(model)
    net.load_model(model.replace(".param", ".bin"))
    pictures = [ncnn.Mat(np.ascontiguousarray(p)) for p in x]

    def run():  # it has no batches
        out = []
        for picture in pictures:
            with net.create_extractor() as extractor:
                extractor.input("input", picture)
                out.append(np.array(extractor.extract("output")[1]))
        return np.stack(out)
    return ncnn.__version__, run


def onednn(x):
    import exports, networks, onednn
    program = onednn.Program(networks.read(model), batch, size, onednn.BF16 if precision == "bf16" else onednn.F32)
    program.source[:] = x
    return onednn.version(program.lib), program.run


def torch(x):
    import torch
    import exports, networks
    torch.set_num_threads(threads)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    value = torch.from_numpy(x).to(dtype).contiguous(memory_format=torch.channels_last)
    # Frozen graphs took the least time in one shared run: float32 89 ms, torch.compile 95, eager 113; bf16 all alike
    # (Zen 4, 2026-11-24).
    warnings.simplefilter("ignore", FutureWarning)
    net = torch.jit.trace(torch.nn.Sequential(exports.torch_module(networks.read(model), size, dtype)).eval(), value, check_trace=False)
    net = torch.jit.optimize_for_inference(net)

    def run():
        with torch.inference_mode():
            return net(value).float().numpy()
    run()  # the second run is the first of the optimised graph
    return torch.__version__.split("+")[0], run


x = np.fromfile(source, "<f4").reshape(batch, 3, size, size)
version, run = globals()[engine](x)
result = run()
print("ready", version, file=answers)
for line in sys.stdin:
    what, _, value = line.strip().partition(" ")
    if what == "run":
        times = []
        for _ in range(int(value)):
            start = time.perf_counter()
            result = run()
            times.append(f"{time.perf_counter() - start:.9f}")
        print(*times, file=answers)
    elif what == "logits":
        np.asarray(result, "<f4").reshape(batch, -1).tofile(value)
        print("done", file=answers)
os._exit(0)  # some engines do not end their threads in good order
