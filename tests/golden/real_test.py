#!/usr/bin/env python3
"""The whole program on real weights: real_test.py XLENS REFERENCE PART STEP.

photographs: the nine labelled ones that come with the weights. features: pooled features
and logits of 32 pictures. ilsvrc, web: every STEP-th picture against the top five that
torch gave with the 1000-class head; recipe: every STEP-th one by eval and by npz, run and
score; precisions: bf16 and int8 beside float32, at half the size, to be quick; full: all of
both, and int8 of all of both at full size, with XLENS_GOLDEN_FULL set."""
import csv, json, math, os, pathlib, subprocess, sys, tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from npz import floats, read_npz

XLENS, REFERENCE, PART, STEP = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
DEMO = CACHE / "xlens/demo/real"
MODEL = pathlib.Path(os.environ.get("XLENS_DEMO_MODEL") or DEMO / "model.keras")
HEAD = REFERENCE / "models/real/imagenet_head.safetensors"
# What the same weights gave in another framework, with the package's own preprocessing.
PHOTOGRAPHS = {"0004": ("plate", .991), "0009": ("cup", .995), "0013": ("knife", .979),
               "0020": ("cup", .993), "0026": ("plate", .999), "0207": ("spoon", 1.),
               "0299": ("cup", .970), "0403": ("cup", .996), "0412": ("fork", .996)}
CLASSES = ["cup", "fork", "glass", "knife", "plate", "spoon"]
ACCURACY = {"ilsvrc": (68.7, 89.7), "web": (70.4, 92.2)}


def skip(why):
    print(f"!! SKIPPED: {why}")
    sys.exit(77)


def xlens(*args):
    return subprocess.run([XLENS, *map(str, args)], check=True, capture_output=True, text=True).stdout


def run(tmp, listed, *model):
    """Rows of an evaluation, by file."""
    db = tmp / "x.db"
    print(xlens("eval", *model, "--db", db, listed))
    table = xlens("export", "--db", db, "--format", "csv", "-o", "-")
    return {row["file"]: row for row in csv.DictReader(table.splitlines())}


def photographs(tmp):
    folder = pathlib.Path(os.environ.get("XLENS_DEMO_PHOTOGRAPHS") or DEMO / "photographs")
    if not folder.is_dir():
        skip(f"no photographs in {folder}; scripts/demo fetches them")
    listed = tmp / "set.csv"
    listed.write_text("file,label\n" + "".join(
        f"{folder}/{name}.jpg,{CLASSES.index(label)}\n" for name, (label, _) in PHOTOGRAPHS.items()))
    for file, row in run(tmp, listed, "-m", MODEL).items():
        label, prob = PHOTOGRAPHS[pathlib.Path(file).stem]
        assert row["top1"] == row["label"] == str(CLASSES.index(label)), (file, row)
        assert abs(float(row["prob1"]) - prob) < 1e-3, (file, row["prob1"], prob)


def torch_answers(name, step):
    """To every step-th picture."""
    with open(REFERENCE / f"models/real/{name}_top5.csv") as table:
        return list(csv.DictReader(table))[::step]


def listing(tmp, name, step):
    """Torch's answers, and a list of their pictures."""
    rows = torch_answers(name, step)
    listed = tmp / "set.csv"
    listed.write_text("file,label\n" + "".join(
        f"{REFERENCE}/data/{name}/{r['file']},{r['label_index']}\n" for r in rows))
    return rows, listed


def compare(tmp, name, step):
    rows, listed = listing(tmp, name, step)
    got = run(tmp, listed, "-m", MODEL, "--head", HEAD)
    assert len(got) == len(rows), (len(got), len(rows))
    same, far = 0, 0.
    hits = [0, 0]
    for row in rows:
        ours = got[f"{REFERENCE}/data/{name}/{row['file']}"]
        assert not ours["error"], ours
        same += ours["top1"] == row["top1"]
        far = max([far] + [abs(float(ours[f"prob{k}"]) - float(row[f"prob{k}"])) for k in range(1, 6)])
        five = [ours[f"top{k}"] for k in range(1, 6)]
        hits[0] += five[0] == row["label_index"]
        hits[1] += row["label_index"] in five
        wanted = [row[f"top{k}"] for k in range(1, 6)]
        for mine, his in zip(five, wanted):  # only what is nearly equal may change places
            assert mine == his or abs(float(ours[f"prob{five.index(mine) + 1}"])
                                      - float(row[f"prob{wanted.index(his) + 1}"])) < 1e-4, (ours, row)
    percent = [round(100 * h / len(rows), 1) for h in hits]
    print(f"{name}: {len(rows)} pictures, top-1 equal on {100 * same / len(rows):.2f} %, "
          f"probabilities within {far:.1e}, top-1/top-5 {percent}")
    assert same >= .997 * len(rows) and far <= 1e-3
    if step == 1:
        assert tuple(percent) == ACCURACY[name], percent


def recipe(tmp, name, step):
    """eval, and npz, run and score: the same of every picture."""
    rows = torch_answers(name, step)
    listed, datalist, out, relay = (tmp / n for n in ("set.txt", "npz.txt", "out", "relay.txt"))
    listed.write_text("".join(f"{REFERENCE}/data/{name}/{r['file']} {r['label_index']}\n" for r in rows))
    network = "-m", MODEL, "--head", HEAD
    want = run(tmp, listed, *network)
    xlens("npz", "--dataset_path", listed, "--target_path", tmp / "npz", "--text_path", datalist)
    xlens("run", *network, "--datalist", datalist, "--path_output", out)
    truth = tmp / "val_label.txt"
    truth.write_text("".join(f"{r['label_index']}\n" for r in rows))
    got = json.loads(xlens("score", "--result_path", out, "--datalist", datalist, "--val_label", truth,
                           "--result_txt", relay, "--json"))
    said = [line.split(", ") for line in relay.read_text().splitlines()]
    hits = [0, 0]
    for i, row in enumerate(rows):
        his = want[f"{REFERENCE}/data/{name}/{row['file']}"]
        five = [(s[0].split()[-1], f"{float(s[1].split()[-1]):.6f}") for s in said[5 * i:5 * i + 5]]
        assert [c for c, _ in five] == [his[f"top{k}"] for k in range(1, 6)], (row, five, his)
        for (_, prob), k in zip(five, range(1, 6)):  # eight decimals here, six there
            assert abs(float(prob) - float(his[f"prob{k}"])) < 2e-6, (row, five, his)
        hits[0] += his["top1"] == row["label_index"]
        hits[1] += row["label_index"] in [his[f"top{k}"] for k in range(1, 6)]
    percent = [100 * h / len(rows) for h in hits]
    print(f"{name}: {len(rows)} pictures, the same five of each both ways, top-1/top-5 {percent}")
    assert [got["top1"], got["top5"]] == percent, (got, percent)


def features(tmp):
    want = read_npz(REFERENCE / "models/real/ilsvrc_features32.npz")
    files = [f"{REFERENCE}/data/ilsvrc/{r['file']}" for r in torch_answers("ilsvrc", 1)[:32]]
    xlens("predict", "-m", MODEL, "--head", HEAD, "--logits", tmp / "l.npz", "--features",
          tmp / "f.npz", *files)
    for key, path in (("logits", "l.npz"), ("features", "f.npz")):
        ours, his = floats(read_npz(tmp / path)[key]), floats(want[key])
        assert len(ours) == len(his), (len(ours), len(his))
        spread = max(his) - min(his)
        far = max(abs(a - b) for a, b in zip(ours, his))
        print(f"{key}: {len(his)} values, within {far / spread:.1e} of their range")
        assert far <= 1e-4 * spread


def most_apart(n, agreement):
    """Of n pictures that agree with this probability each, so many differ at most, but once
    in 10,000 times: what a sample can say of the figure for all pictures."""
    k, tail = -1, 1.
    while tail > 1e-4:
        k += 1
        tail -= math.comb(n, k) * (1 - agreement)**k * agreement**(n - k)
    return k


def int8(tmp):
    """Quantized as a user would, on a picture of each class: 98 % of torch's answers, and as many right but for 0.3 points."""
    q = tmp / "q.safetensors"
    xlens("quantize", "-m", MODEL, "--head", HEAD, "--calib", REFERENCE / "data/calib", "-o", q)
    pictures, right = 0, {"torch": 0, "int8": 0}
    for name in ACCURACY:
        rows, listed = listing(tmp, name, 1)
        (tmp / name).mkdir()
        got = run(tmp / name, listed, "-m", q)
        answers = [got[f"{REFERENCE}/data/{name}/{row['file']}"]["top1"] for row in rows]
        same = sum(answer == row["top1"] for answer, row in zip(answers, rows))
        print(f"int8, {name}: {same} of {len(rows)} answers are torch's")
        assert same >= .98 * len(rows)
        pictures += len(rows)
        right["int8"] += sum(answer == row["label_index"] for answer, row in zip(answers, rows))
        right["torch"] += sum(row["top1"] == row["label_index"] for row in rows)
    print(f"of {pictures} pictures right: {right}")
    assert abs(right["int8"] - right["torch"]) <= .003 * pictures


def precisions(tmp):
    model = ["-m", MODEL, "--head", HEAD, "-s", "[3,150,150]"]
    files, listed = listing(tmp, "ilsvrc", 4)
    n = len(files)
    rows = []
    for precision in ("float32", "bf16"):
        (tmp / precision).mkdir()
        rows.append(run(tmp / precision, listed, *model, "--precision", precision))
    apart = {"bf16": sum(row["top1"] != rows[1][file]["top1"] for file, row in rows[0].items())}
    got = json.loads(xlens("quantize", *model, "--calib", REFERENCE / "data/calib", "-n", "100",
                           "--allow-missing-classes", "--eval", listed, "-o", tmp / "q.safetensors", "--json"))
    assert got["evaluation"]["images"] == n and not got["evaluation"]["failed"], got["evaluation"]
    assert {layer["precision"] for layer in got["layers"]} == {"int8"}
    apart["int8"] = round(n * (1 - got["evaluation"]["agreement"] / 100))
    for precision, agreement in (("bf16", .99), ("int8", .97)):
        bound = most_apart(n, agreement)
        print(f"{precision}: {apart[precision]} of {n} answers are not float32's, "
              f"at most {bound} where {100 * agreement:.0f} % agree")
        assert apart[precision] <= bound


if not MODEL.is_file():
    skip(f"no real weights at {MODEL}; scripts/demo fetches them")
if PART != "photographs" and not HEAD.is_file():
    skip(f"no reference folder at {REFERENCE}")
if PART == "full" and not os.environ.get("XLENS_GOLDEN_FULL"):
    skip("takes minutes; XLENS_GOLDEN_FULL=1 runs it")
with tempfile.TemporaryDirectory(prefix="xlens-real-") as folder:
    if PART == "photographs":
        photographs(pathlib.Path(folder))
    elif PART == "precisions":
        precisions(pathlib.Path(folder))
    elif PART == "features":
        features(pathlib.Path(folder))
    elif PART == "recipe":
        for name in "ilsvrc", "web":
            recipe(pathlib.Path(tempfile.mkdtemp(dir=folder)), name, STEP)
    else:
        for name in ("ilsvrc", "web") if PART == "full" else (PART,):
            compare(pathlib.Path(tempfile.mkdtemp(dir=folder)), name, 1 if PART == "full" else STEP)
        if PART == "full":
            int8(pathlib.Path(folder))
