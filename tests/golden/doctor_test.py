#!/usr/bin/env python3
"""What `xlens doctor` finds out about real weights and pictures when a mistake is planted:
doctor_test.py XLENS REFERENCE PART PICTURES. Part labels: wrong orders of labels; network:
weights that want other values; pictures: files and heads that say the wrong thing. At half
the size that the head was fitted at and on the axes that the mistake is about, to be quick;
with XLENS_GOLDEN_FULL at the size itself, on 200 pictures and all axes, which takes many
minutes."""
import csv, json, os, pathlib, random, struct, subprocess, sys, tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import png, safetensors
from npz import read_npz

XLENS, REFERENCE, PART, PICTURES = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
MODEL = pathlib.Path(os.environ.get("XLENS_DEMO_MODEL") or CACHE / "xlens/demo/real/model.keras")
HEAD = REFERENCE / "models/real/imagenet_head.safetensors"
FULL = bool(os.environ.get("XLENS_GOLDEN_FULL"))
SIZE = [] if FULL else ["-s", "[3,150,150]"]
AXES = ["labels", "values", "channels", "resize", "filter"]


def skip(why):
    print(f"!! SKIPPED: {why}")
    sys.exit(77)


def xlens(*args):
    return subprocess.run([XLENS, *map(str, args)], check=True, capture_output=True, text=True).stdout


def doctor(*args, axes="labels", n=PICTURES):
    """On some axes; on all of them at full size, or where axes is None."""
    some = [] if FULL or not axes else ["--axes", axes]
    out = json.loads(xlens("doctor", *args, *some, *SIZE, "-n", "200" if FULL else n, "--json"))
    out["axes"] = {axis["axis"]: axis for axis in out["axes"]}
    assert list(out["axes"]) == AXES
    print(out["images"], f"{out['seconds']:.1f} s", out["flags"], out["remedy"],
          *(f"{a}: {axis['verdict']} {axis['best']}" for a, axis in out["axes"].items()), sep="; ")
    return out


def expect(got, flags=(), remedy=None, **changed):
    """Just these axes changed, for these mistakes; the rest stays as it is."""
    assert got["fits"] and got["change"] == bool(changed), got
    for name, axis in got["axes"].items():
        best, mistake = changed.get(name, (axis["now"], None))
        assert axis["best"].startswith(best), (name, axis["best"], best)
        assert (axis["verdict"] == "change") == (name in changed), axis
        assert mistake in axis["mistake"] if mistake else axis["mistake"] is None, axis
    for flag in flags:
        assert flag in got["flags"], got["flags"]
    assert remedy in got["remedy"] if remedy else got["remedy"] is None, got["remedy"]
    return got


def truth():
    with open(REFERENCE / "data/ilsvrc/manifest.csv") as table:
        return [(pathlib.Path(row["file"]).name, int(row["label_index"])) for row in csv.DictReader(table)]


def validation(tmp, label):
    """The validation pictures with a val_label.txt of other numbers."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=tmp))
    (folder / "val").symlink_to(REFERENCE / "data/ilsvrc/val")
    (folder / "val_label.txt").write_text("".join(f"{f} {label(i)}\n" for f, i in truth()))
    return folder / "val"


def labels(tmp):
    with open(REFERENCE / "data/labels/class_map.csv") as table:
        id_key = next(k for k in csv.DictReader(table).fieldnames if "ilsvrc" in k or "devkit" in k)
        table.seek(0)
        ids = [int(row[id_key]) for row in csv.DictReader(table)]
    model = ["-m", MODEL, "--head", HEAD]
    right = REFERENCE / "data/ilsvrc/val"
    devkit = validation(tmp, lambda i: ids[i])
    got = expect(doctor(*model, right, axes=None))
    assert got["axes"]["labels"]["verdict"] == "keep"
    got = expect(doctor(*model, devkit), flags=["--label-order ilsvrc"],
                 labels=("devkit's ids, 1", "devkit order"))
    # With what it says there is nothing left to do; nor is the option right elsewhere.
    expect(doctor(*model, devkit, *got["flags"].split()))
    expect(doctor(*model, right, "--label-order", "ilsvrc"), labels=("as they are", "own order"))
    expect(doctor(*model, validation(tmp, lambda i: ids[i] - 1)), remedy="add 1 to every label",
           labels=("devkit's ids, from 0", "devkit order"))
    expect(doctor(*model, validation(tmp, lambda i: i + 1)), remedy="subtract 1",
           labels=("counted from 1", "off by one"))
    as_text = sorted(range(1000), key=str)
    expect(doctor(*model, validation(tmp, as_text.index)), remedy="numbers be the labels",
           labels=("numbers sorted as text", "10, 100"))
    # Rows of the head: a class in front of all others, and the devkit's order.
    header, tensors = safetensors.read(HEAD)
    row = len(tensors["fc.weight"]) // 1000
    rows = [tensors["fc.weight"][i * row:(i + 1) * row] for i in range(1000)]
    bias = [tensors["fc.bias"][4 * i:4 * i + 4] for i in range(1000)]
    plants = {"background": (1001, [b"\0" * row] + rows, [struct.pack("<f", -9.)] + bias),
              "devkit": (1000, *[[part[ids.index(i)] for i in range(1, 1001)] for part in (rows, bias)])}
    del header["__metadata__"]["xlens.labels"]
    for name, (count, weight, biases) in plants.items():
        header["fc.weight"]["shape"], header["fc.bias"]["shape"] = [count, row // 4], [count]
        safetensors.write(tmp / f"{name}.safetensors", header,
                          {"fc.weight": b"".join(weight), "fc.bias": b"".join(biases)})
    background = ["-m", MODEL, "--head", tmp / "background.safetensors"]
    assert expect(doctor(*background, right))["axes"]["labels"]["verdict"] == "keep"
    expect(doctor(*background, devkit), flags=["--label-order ilsvrc"],
           labels=("devkit's ids, 1", "devkit order"))
    (tmp / "plain.csv").write_text("file,label\n" + "".join(f"{right}/{f},{i}\n" for f, i in truth()))
    expect(doctor(*background, tmp / "plain.csv"), remedy="background",
           labels=("class 0 is background", "off by one"))
    expect(doctor("-m", MODEL, "--head", tmp / "devkit.safetensors", right), remedy="rows of the head",
           labels=("the model's in devkit order", "devkit order"))
    # Labels of other pictures: nothing fits, and that is what it says.
    shuffled = [i for _, i in truth()]
    random.Random(1).shuffle(shuffled)
    got = doctor(*model, validation(tmp, lambda i, it=iter(shuffled): next(it)))
    assert not got["fits"] and not got["change"], got


def network(tmp):
    """The first convolution rewritten so that the network wants something else."""
    native = tmp / "native.safetensors"
    xlens("convert", "-m", MODEL, "--head", HEAD, "-o", native)
    header, tensors = safetensors.read(native)
    count = len(tensors["block1_conv1.weight"]) // 4
    weight = struct.unpack(f"<{count}f", tensors["block1_conv1.weight"])  # [3][3][rgb][32]
    bias = struct.unpack("<32f", tensors["block1_conv1.bias"])
    colour = [i // 32 % 3 for i in range(count)]

    def rewritten(name, scale, shift, bgr):
        """For inputs v with scale * v + shift what the network wanted, colour by colour."""
        moved = [b + sum(w * shift[c] for i, (w, c) in enumerate(zip(weight, colour)) if i % 32 == o)
                 for o, b in enumerate(bias)]
        source = [i + 32 * (2 - 2 * c) if bgr else i for i, c in enumerate(colour)]
        path = tmp / f"{name}.safetensors"
        safetensors.write(path, header, {
            **tensors, "block1_conv1.bias": struct.pack("<32f", *moved),
            "block1_conv1.weight": struct.pack(f"<{count}f", *(weight[i] * scale for i in source))})
        return path

    pictures = REFERENCE / "data/ilsvrc/val"
    expect(doctor("-m", rewritten("bgr", 1., [0.] * 3, True), pictures, axes="channels"), flags=["bgr"],
           channels=("bgr", "BGR"))
    expect(doctor("-m", rewritten("bytes", 1 / 127.5, [-1.] * 3, False), pictures, axes="values"),
           flags=["xception,bytes"], values=("bytes", "normalised twice"))
    mean = [123.68, 116.779, 103.939]
    caffe = rewritten("caffe", 1 / 127.5, [m / 127.5 - 1 for m in mean], True)
    got = expect(doctor("-m", caffe, pictures, axes="values,channels"), flags=["xception,caffe,bgr"],
                 values=("caffe", "Caffe means"), channels=("bgr", "BGR"))
    expect(doctor("-m", caffe, pictures, *got["flags"].split(), axes="values,channels"))


def swapped(tmp, count):
    """Every step-th picture as PNG with red and blue swapped."""
    folder = tmp / "swapped"
    folder.mkdir()
    rows = truth()[::len(truth()) // count][:count]
    (tmp / "list.txt").write_text("".join(f"{REFERENCE}/data/ilsvrc/val/{f}\n" for f, _ in rows))
    xlens("npz", "--dataset_path", tmp / "list.txt", "--target_path", tmp / "npz")
    for name, _ in rows:
        _, (_, h, w), data = read_npz(tmp / f"npz/val/{pathlib.Path(name).stem}.npz")["input_0"]
        planes = [data[c * h * w:(c + 1) * h * w] for c in range(3)]
        bgr = bytearray(3 * h * w)
        for c in range(3):
            bgr[c::3] = planes[2 - c]
        (folder / f"{name}.png").write_bytes(png.png(w, h, bytes(bgr)))
    (tmp / "swapped.csv").write_text("file,label\n" + "".join(f"swapped/{f}.png,{i}\n" for f, i in rows))
    return tmp / "swapped.csv"


def pictures(tmp):
    listed = swapped(tmp, 200 if FULL else int(PICTURES))
    model = ["-m", MODEL, "--head"]
    expect(doctor(*model, HEAD, listed, axes="channels"), flags=["--preprocess xception,bgr"], channels=("bgr", "BGR"))
    # Too few to tell: it says so and changes nothing.
    if not FULL:
        got = expect(doctor(*model, HEAD, listed, axes=None, n="6"))
        assert {axis["verdict"] for axis in list(got["axes"].values())[2:]} == {"unsure"}
    # A head that names the preset of another framework.
    header, tensors = safetensors.read(HEAD)
    for name, preset, best, mistake in (
            ("torch", "ppcls", "centred", "mean and deviation"),
            ("bytes", "xception,bytes", "centred", "missing normalisation"),
            ("caffe", "xception,caffe", "centred", "Caffe means")):
        header["__metadata__"]["xlens.preprocess"] = preset
        safetensors.write(tmp / f"{name}.safetensors", header, tensors)
        expect(doctor(*model, tmp / f"{name}.safetensors", REFERENCE / "data/ilsvrc/val",
                      axes="values"), values=(best, mistake))


if not MODEL.is_file():
    skip(f"no real weights at {MODEL}; scripts/demo fetches them")
if not HEAD.is_file():
    skip(f"no reference folder at {REFERENCE}")
with tempfile.TemporaryDirectory(prefix="xlens-doctor-") as folder:
    {"labels": labels, "network": network, "pictures": pictures}[PART](pathlib.Path(folder))
