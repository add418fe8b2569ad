"""Heads: what a converted file keeps of one, and heads with a background class."""
import json, struct

from harness import DATA, MODEL, CliTest, floats, main, read_npz

FEATURES = 48  # of MODEL


def head(path, bias):
    """A head that gives its bias, whatever it sees."""
    weights = b"\0" * (4 * FEATURES * len(bias))
    end = len(weights) + 4 * len(bias)
    header = json.dumps({
        "fc.weight": {"dtype": "F32", "shape": [len(bias), FEATURES], "data_offsets": [0, len(weights)]},
        "fc.bias": {"dtype": "F32", "shape": [len(bias)], "data_offsets": [len(weights), end]}}).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + weights + struct.pack(f"<{len(bias)}f", *bias))
    return path


class Head(CliTest):
    def logits(self, *args):
        self.xlens("predict", *args, self.picture, "--logits", "l.npz", "--force")
        return floats(read_npz(self.tmp / "l.npz")["logits"])

    def test_convert_keeps_it(self):
        self.picture = self.pictures() / "bee/00.jpg"
        model = str(DATA / "keras/notop.weights.h5")
        given = ["-m", model, "--head", DATA / "keras/head.safetensors"]
        self.fails(3, "info", model, says="--head")
        self.xlens("convert", *given, "-o", "a.safetensors")
        self.xlens("convert", *given, "-o", "b.safetensors")
        self.assertEqual((self.tmp / "a.safetensors").read_bytes(), (self.tmp / "b.safetensors").read_bytes())
        self.assertEqual(self.logits(*given, "-s", "[3,64,64]"), self.logits("-m", "a.safetensors", "-s", "[3,64,64]"))

    def test_precision(self):
        self.xlens("convert", "-m", MODEL, "--precision", "bf16", "-o", "b.safetensors")
        self.assertEqual(self.document("info", "b.safetensors")["precision"], "bf16")
        self.assertEqual(self.document("info", MODEL)["precision"], "float32")

    def test_background(self):
        file = head(self.tmp / "h.safetensors", [0, 5] + [0] * 999)
        model = ["-m", MODEL, "--head", file]
        out, err = self.xlens("info", MODEL, "--head", file)
        self.assertRegex(out, r"classes +1001 \(0 is a background class\)\n")
        self.assertIn("1001 classes, taken for a background class", err)
        self.assertTrue(self.document("info", MODEL, "--head", file, "-q")["background"])
        self.assertFalse(self.document("info", MODEL)["background"])
        picture = self.pictures() / "bee/00.jpg"
        best = self.document("predict", *model, picture, "-q")["results"][0]["topk"][0]
        self.assertEqual((best["index"], best["label"], best["wnid"]), (1, "tench, Tinca tinca", "n01440764"))
        # Both ways to label a set count without the background.
        (self.tmp / "flat").mkdir()
        (self.tmp / "flat/ILSVRC2012_val_00000001.JPEG").write_bytes(picture.read_bytes())
        (self.tmp / "flat/val_label.txt").write_text("0\n")
        (self.tmp / "tree/n01440764").mkdir(parents=True)
        (self.tmp / "tree/n01440764/a.jpg").write_bytes(picture.read_bytes())
        for folder in "flat", "tree":
            got = self.document("eval", *model, self.tmp / folder, "--db", self.db, "-q")
            self.assertEqual((got["labelled"], got["top1"]), (1, 100))

    def test_background_names(self):
        names = self.tmp / "names.txt"
        names.write_text("".join(f"thing {i}\n" for i in range(1000)))
        file = head(self.tmp / "h.safetensors", [0] * 1001)
        picture = self.pictures() / "bee/00.jpg"
        self.fails(3, "predict", "-m", MODEL, "--head", file, "--label", names, picture,
                   says=["1000 class names", "1001", "background class in front"])
        names.write_text("nothing\n" + names.read_text())
        file = head(self.tmp / "h.safetensors", [0] * 1000)
        self.fails(3, "predict", "-m", MODEL, "--head", file, "--label", names, picture,
                   says=["1001 class names", "the 1000", "no background class"])


main()
