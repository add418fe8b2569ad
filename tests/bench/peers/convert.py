"""Writes one network for one engine: convert.py ENGINE PRECISION FOLDER SIZE BATCH
FOLDER has net.safetensors (native) and, for int8, calib.f32 (float32 [n][3][SIZE][SIZE]); the
result is the file that model_file() names."""
import os, pathlib, sys
import numpy as np

SUFFIX = {"onnxruntime": ".onnx", "openvino": ".xml", "mnn": ".mnn", "ncnn": ".param"}
NATIVE = ("onednn", "torch")  # they read xlens' own file


def model_file(engine, precision, folder, batch):
    """bf16 is what an engine makes of the float32 file; ncnn has no batch in its own."""
    kind = "int8" if precision == "int8" else "float32"
    if engine in NATIVE:
        return folder / "net.safetensors"
    return folder / (f"{engine}-{kind}" + ("" if engine == "ncnn" else f"-b{batch}") + SUFFIX[engine])


def calibration(folder, size, batch):
    x = np.fromfile(folder / "calib.f32", "<f4").reshape(-1, 3, size, size)
    return [np.concatenate([x[(i + k) % len(x)][None] for k in range(batch)]) for i in range(0, len(x), batch)]


def onnxruntime_int8(source, out, folder, size, batch):
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        rows = iter(calibration(folder, size, batch))

        def get_next(self):
            x = next(self.rows, None)
            return None if x is None else {"input": x}
    ready = str(out) + ".ready.onnx"
    quant_pre_process(source, ready, skip_symbolic_shape=True)  # every shape is known, and it needs sympy
    quantize_static(ready, out, Reader(), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax)
    os.remove(ready)


def openvino_model(source, out, int8, folder, size, batch):
    import openvino as ov
    model = ov.convert_model(source)
    if int8:
        import nncf
        data = calibration(folder, size, batch)
        model = nncf.quantize(model, nncf.Dataset(data), subset_size=len(data))
    ov.save_model(model, out, compress_to_fp16=False)


def mnn_model(source, out, int8):
    """int8 is 8-bit weights, with activations that the runtime quantizes as they come. Its
    quantizer (mnnquant 3.6.1, KL, called past its wrapper, which aborts) made a model that takes
    1.5 times as long and gives NaN (Zen 4, 2026-11-24)."""
    import _tools  # the command-line wrapper of it installs a logger from PyPI
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", str(source), "--MNNModel", str(out), "--bizCode", "xlens",
                       *(["--weightQuantBits", "8"] if int8 else [])])


def convert(engine, precision, folder, size, batch):
    out = model_file(engine, precision, folder, batch)
    if out.exists():
        return
    import exports, networks
    onnx = model_file("onnxruntime", "float32", folder, batch)
    if not onnx.exists():
        exports.write_onnx(networks.read(folder / "net.safetensors"), batch, size, onnx)
    if engine == "onnxruntime" and precision == "int8":
        onnxruntime_int8(onnx, out, folder, size, batch)
    elif engine == "openvino":
        openvino_model(onnx, out, precision == "int8", folder, size, batch)
    elif engine == "mnn":
        mnn_model(onnx, out, precision == "int8")
    elif engine == "ncnn" and precision != "int8":
        exports.write_ncnn(networks.read(folder / "net.safetensors"), size, out, out.with_suffix(".bin"))
    if not out.exists():
        sys.exit(f"no {out.name} was written")


if __name__ == "__main__":
    convert(sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
