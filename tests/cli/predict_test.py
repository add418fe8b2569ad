"""xlens predict."""
import json, math, os, struct, subprocess, zipfile

from harness import DATA, MODEL, CliTest, floats, main, npy, read_npz


def softmax(values):
    top = max(values)
    exps = [math.exp(v - top) for v in values]
    return [v / sum(exps) for v in exps]


class Predict(CliTest):
    def test_document(self):
        root = self.pictures(broken=True)
        files = [root / "bee/00.jpg", root / "bee/broken.jpg", "missing.jpg", root / "dog/01.jpg",
                 root / "bee/00.jpg", root]
        got = self.document("predict", "-m", MODEL, *files, "--label", self.names(), status=1)
        self.assertEqual(set(got), {"model", "precision", "arch", "results"})
        self.assertEqual((got["model"], got["precision"], got["arch"]),
                         (MODEL, "float32", "keras_xception"))
        results = got["results"]
        self.assertEqual([r["file"] for r in results], list(map(str, files)))
        for result, bad in zip(results, [False, True, True, False, False, True]):
            self.assertEqual(result["error"] is not None, bad)
            self.assertEqual(len(result["topk"]), 0 if bad else 5)
            probs = [t["prob"] for t in result["topk"]]
            self.assertEqual(probs, sorted(probs, reverse=True))
        self.assertEqual(results[0], results[4])
        self.assertNotIn("broken.jpg", results[1]["error"])
        first = results[0]["topk"][0]
        self.assertEqual(set(first), {"index", "label", "wnid", "prob"})
        self.assertIsNone(first["wnid"])
        self.assertEqual(first["label"], "cat dog cow hen pig rat fox owl bee ant".split()[first["index"]])

    def test_text(self):
        root = self.pictures(broken=True)
        out, err = self.xlens("predict", "-m", MODEL, "-k", "3", root / "bee/broken.jpg",
                              root / "bee/00.jpg", status=1)
        lines = out.splitlines()
        self.assertEqual(lines[0], str(root / "bee/00.jpg"))
        self.assertEqual(len(lines), 4)
        for line in lines[1:]:
            self.assertRegex(line, r"^  [01]\.\d{6} +\d  class \d$")
        self.assertRegex(err, r"\Axlens: .*broken\.jpg: [^\n]+\n\Z")

    def test_stdin(self):
        picture = self.pictures() / "bee/00.jpg"
        want = self.document("predict", "-m", MODEL, picture)["results"][0]
        got = self.document("predict", "-m", MODEL, "-", input=picture.read_bytes())["results"][0]
        self.assertEqual(got["file"], "-")
        self.assertEqual(got["topk"], want["topk"])
        got = self.document("predict", "-m", MODEL, "-", input=b"", status=1)["results"][0]
        self.assertIsNotNone(got["error"])
        self.fails(2, "predict", "-m", MODEL, "-", "-", says="2 times")

    def test_arrays(self):
        root = self.pictures()
        files = [root / f"bee/{n}" for n in ("04.png", "00.jpg", "02.jpg")]
        logits, features = self.tmp / "l.npz", self.tmp / "f.npz"
        args = ["predict", "-m", MODEL, "-k", "10", *files]
        got = self.document(*args, "--logits", logits, "--features", features)["results"]
        array = read_npz(logits)["logits"]
        self.assertEqual(array[1], (3, 10))
        values = floats(array)
        for i, result in enumerate(got):
            probs = softmax(values[10 * i:10 * i + 10])
            self.assertEqual(len(result["topk"]), 10)
            for entry in result["topk"]:
                self.assertAlmostEqual(entry["prob"], probs[entry["index"]], 6)
        shape = read_npz(features)["features"][1]
        self.assertEqual(shape[0], 3)
        self.fails(2, *args, "--logits", logits, says=["exists", "--force"])
        self.xlens(*args, "--logits", logits, "--force")
        self.assertEqual(floats(read_npz(logits)["logits"]), values)

    def test_input_npz(self):
        """What --preprocessed wrote gives the same answers as the pictures."""
        root = self.pictures()
        self.xlens("npz", "--dataset_path", root, "--target_path", self.tmp / "t",
                   "--preprocessed", "-m", MODEL)
        files = [root / "bee/00.jpg", root / "bee/04.png"]
        data = b"".join(read_npz(self.tmp / f"t/bee/{n}.npz")["input_0"][2] for n in ("00", "04"))
        inputs = self.tmp / "in.npz"
        with zipfile.ZipFile(inputs, "w") as out:
            out.writestr("input_0.npy", npy("<f4", (2, 3, 75, 75), data))
        want = self.document("predict", "-m", MODEL, *files)["results"]
        got = self.document("predict", "-m", MODEL, "--input-npz", inputs)["results"]
        self.assertEqual([r["file"] for r in got], ["input_0[0]", "input_0[1]"])
        self.assertEqual([r["topk"] for r in got], [r["topk"] for r in want])
        self.fails(2, "predict", "-m", MODEL, "--input-npz", inputs, files[0], says="no files")
        for shape, dtype in (((2, 3, 75 * 75), "<f4"), ((3, 2, 75, 75), "<f4"),
                             ((2, 3, 75, 75), "<i4")):
            with zipfile.ZipFile(inputs, "w") as out:
                out.writestr("input_0.npy", npy(dtype, shape, data))
            self.fails(3, "predict", "-m", MODEL, "--input-npz", inputs, says="float32 [n,3,H,W]")
        with zipfile.ZipFile(inputs, "w") as out:
            out.writestr("other.npy", npy("<f4", (2, 3, 75, 75), data))
        self.fails(3, "predict", "-m", MODEL, "--input-npz", inputs, says="input_0")

    def test_sizes_presets_and_instruction_sets(self):
        picture = self.pictures() / "dog/09.jpg"
        args = ["predict", "-m", MODEL, picture]
        base = self.document(*args)["results"][0]["topk"]
        scalar = self.document(*args, "--isa", "scalar")["results"][0]["topk"]
        capped = self.document(*args, env={"XLENS_ISA": "scalar"})["results"][0]["topk"]
        self.assertEqual(scalar, capped)
        for a, b in zip(base, scalar):
            self.assertAlmostEqual(a["prob"], b["prob"], 4)
        seen = {json.dumps(base)}
        for more in (["--preprocess", "xception"], ["--preprocess", "ppcls"], ["-s", "[3,96,128]"]):
            got = self.document(*args, *more)["results"][0]["topk"]
            self.assertNotIn(json.dumps(got), seen)
            seen.add(json.dumps(got))
        self.assertEqual(base, self.document(*args, "--arch", "keras_xception")["results"][0]["topk"])
        self.fails(3, *args, "--precision", "int8", says=["int8"])
        self.fails(2, *args, "--preprocess", "inception", says=["inception"])
        self.fails(2, *args, "--preprocess", "keras,gbr", says=["gbr", "bgr"])
        self.fails(3, *args, "-s", "[3,6,6]", says="6x6")

    def test_another_head(self):
        picture = self.pictures() / "bee/00.jpg"
        head = self.head(MODEL, [0, 1, 0])
        topk = self.document("predict", "-m", MODEL, "--head", head, picture)["results"][0]["topk"]
        self.assertEqual([t["index"] for t in topk], [1, 0, 2])  # ties by lower index
        for entry, want in zip(topk, softmax([1, 0, 0])):
            self.assertAlmostEqual(entry["prob"], want, 6)
        info = self.document("info", MODEL, "--head", head, "--arch", "keras_xception",
                             "--precision", "float32")
        self.assertEqual(info["classes"], 3)
        native = self.tmp / "n.safetensors"
        self.xlens("convert", "-m", MODEL, "--head", head, "--arch", "keras_xception",
                   "--precision", "float32", "-o", native)
        again = self.document("predict", "-m", native, picture)["results"][0]["topk"]
        self.assertEqual(again, topk)
        self.xlens("eval", "-m", MODEL, "--head", head, self.tmp / "set", "--db", self.db,
                   "--preprocess", "timm", "--label", self.names(3))

    def test_names_that_are_no_utf8(self):
        name = os.fsencode(self.tmp) + b"/caf\xe9.jpg"
        with open(name, "wb") as out:
            out.write((DATA / "pictures/rgb.jpg").read_bytes())
        got = self.document("predict", "-m", MODEL, os.fsdecode(name))["results"][0]
        self.assertTrue(got["file"].endswith("caf\ufffd.jpg"))


main()
