#!/usr/bin/env python3
"""Full-size models in the files that the real frameworks write, opened by xlens: the largest
difference from the framework's logits and from the reference's, as a part of their range, with
the time and memory that opening takes. The table of docs/formats.md is what it prints.

    python3 tests/tool/format_table.py XLENS REFERENCE_DIR FOLDER [FRAMEWORK…]

Each framework is installed from PyPI into a virtual environment of its own in FOLDER, once; some
10 GB. Needs numpy."""
import os, pathlib, shutil, subprocess, sys, tempfile, time
import numpy as np

xlens, reference, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
sys.path.insert(0, str(reference / "models"))
import synth

HERE = pathlib.Path(__file__).resolve().parent
FRAMEWORKS = {  # packages, and the publisher whose models it has
    "torch": (["torch", "torchvision", "timm==0.6.5", "onnx", "onnxscript", "safetensors"], "timm"),
    "keras3": (["tensorflow-cpu==2.21.*", "tf2onnx", "onnx", "h5py"], "keras"),
    "keras2": (["tensorflow-cpu==2.15.*", "h5py"], "keras"),
    "paddle3": (["paddlepaddle==3.3.*", "paddle2onnx==2.1.*", "onnx", "setuptools", "packaging"], "ppcls"),
    "paddle2": (["paddlepaddle==2.6.2", "numpy<2", "setuptools", "paddle2onnx==1.2.11"], "ppcls"),
}


def environment(name):
    venv = folder / name
    if not venv.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "-q", *FRAMEWORKS[name][0]], check=True)
        if name.startswith("paddle"):  # for its model files alone
            subprocess.run([venv / "bin/pip", "install", "-q", "--no-deps", "paddleclas==2.6.0"], check=True)
    return venv / "bin/python"


def run(*args):
    start = time.monotonic()
    pid = os.posix_spawn(xlens, [xlens, *map(str, args)], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    return status, time.monotonic() - start, usage.ru_maxrss / 1024


def logits(path, picture, out):
    status, _, _ = run("predict", "-m", path, "--input-npz", picture, "--logits", out, "--force")
    return np.load(out)["logits"][0] if status == 0 else None


def measure(model, label, path, publisher, scratch):
    """A row of the table; whether all is well."""
    got = logits(path, f"{scratch}/in.npz", f"{scratch}/got.npz")
    if got is None:
        print(f"| {model} | {label} | refused |")
        return False
    want = np.load(reference / f"models/reference/{model}.npz")["logits_A_224x224"].ravel()
    extent = want.max() - want.min()
    worst = [np.abs(got - w.ravel()).max() / extent for w in (publisher, want)]
    _, seconds, peak = min(run("info", path) for _ in range(3))
    print(f"| {model} | {label} | {worst[0]:.1e} | {worst[1]:.1e} | {seconds:.2f} | {peak:.0f} |", flush=True)
    return max(worst) <= 1e-4


def main():
    good = True
    print("| model | file | difference from framework | from reference | open s | peak MiB |\n|---|---|---|---|---|---|")
    for name in sys.argv[4:] or FRAMEWORKS:
        python = environment(name)
        for model in (m for m in synth.MODELS if m.startswith(FRAMEWORKS[name][1])):
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                # Written in another process: a child's peak of memory begins with its parent's.
                log = open(f"{scratch}/log", "w+")
                written = subprocess.run([python, HERE / "format_write.py", name, reference, model, scratch], stdout=subprocess.PIPE, stderr=log, text=True)
                if written.returncode:
                    log.seek(0)
                    print(log.read()[-2000:], file=sys.stderr)
                    good = False
                np.savez(f"{scratch}/in.npz", input_0=synth.image("A", 224, 224)[None])
                for line in written.stdout.splitlines():
                    if "\t" in line:
                        label, path = line.split("\t")
                        good &= measure(model, label, path, np.load(f"{scratch}/logits.npy"), scratch)
                native = f"{scratch}/native.safetensors"
                if run("convert", "-m", path, "-o", native)[0] == 0:
                    good &= measure(model, f"native, from {label}", native, np.load(f"{scratch}/logits.npy"), scratch)
    return 0 if good else "not all within 1e-4"


sys.exit(main())
