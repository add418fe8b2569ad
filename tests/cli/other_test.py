"""A network that is none of the twelve, from ONNX, through the commands that run one: its logits are
onnxruntime's, and eval, a converted file and other precisions agree with predict."""
import csv, io

from harness import DATA, CliTest, main
from npz import floats, read_npz

NET = DATA / "onnx/sepnet.onnx"
EXPECTED = read_npz(DATA / "onnx/expected.npz")
CLASSES = EXPECTED["logits"][1][1]


def distance(got, want):
    """The largest difference as a part of the range, of the worse of the two inputs."""
    n = len(want) // 2
    return max(max(abs(a - b) for a, b in zip(got[i:i + n], want[i:i + n])) / (max(want[i:i + n]) - min(want[i:i + n]))
               for i in (0, n))


class Other(CliTest):
    def logits(self, model, *args):
        """What a model makes of the two inputs."""
        out, features = self.tmp / "logits.npz", self.tmp / "features.npz"
        got = self.document("predict", "-m", model, "--input-npz", DATA / "onnx/expected.npz", "--logits", out,
                            "--features", features, "--force", *args)
        self.assertEqual(got["arch"], "other")
        return floats(read_npz(out)["logits"]), floats(read_npz(features)["features"])

    def check(self, model, tolerance, *args):
        for got, want in zip(self.logits(model, *args), ("logits", "features")):
            self.assertLess(distance(got, floats(EXPECTED[want])), tolerance, args)

    def test_logits_are_onnxruntimes(self):
        # Sums of up to 216 float32 products, in another order: a few units in the last place, ten layers
        # deep. bf16 rounds by up to 1/512, weights and inputs of the six layers one behind the other.
        for isa in ("scalar", "avx2"):
            self.check(NET, 1e-5, "--isa", isa)
        self.check(NET, 1e-5)
        self.check(NET, 12 / 512, "--precision", "bf16")
        self.assertGreater(distance(self.logits(NET, "--precision", "bf16")[0], floats(EXPECTED["logits"])), 1e-5)

    def test_info_and_convert(self):
        native = self.tmp / "native.safetensors"
        self.xlens("convert", "-m", NET, "-o", native)
        self.check(native, 1e-5)
        told = [self.document("info", model) for model in (NET, native)]
        self.assertEqual([i["format"] for i in told], ["onnx", "native"])
        for info in told:
            self.assertEqual((info["arch"], info["publisher"], info["input"], info["classes"], info["features"]),
                             ("other", "other", [3, 64, 48], CLASSES, 40))
            self.assertEqual(info["preprocess"]["name"], "xception")
            self.assertNotIn("published", info)
        # Weights and biases counted by hand, a batch norm's scale and shift with its convolution:
        # stem, down.dw, down.pw, left.dw, left.pw, right, wide, fc; statistics of the three batch norms.
        params = (12 * 3 * 25 + 24) + (12 * 9 + 24) + (20 * 12 + 20) + 20 * 9 + 24 * 20 + (24 * 20 + 48) \
            + (40 * 24 * 9 + 40) + (7 * 40 + 7)
        macs = 32 * 24 * 12 * 75 + 16 * 12 * (12 * 9 + 20 * 12 + 20 * 9 + 24 * 20 + 24 * 20) + 8 * 6 * 40 * 24 * 9 + 280
        for info in told:
            self.assertEqual((info["params"], info["params_stats"], info["macs"]), (params, 2 * (12 + 12 + 24), macs))
        self.fails(3, "info", NET, "--arch", "timm_xception", says=["sepnet.onnx", "timm_xception"])

    def test_eval(self):
        root, labels = self.pictures(), self.names(CLASSES)
        listed = self.tmp / "set.csv"
        listed.write_text("file,label\n" + "".join(
            f"{p},{i % CLASSES}\n" for i, p in enumerate(sorted(root.rglob("*.*")))))
        got = self.document("eval", "-m", NET, "--label", labels, "--db", self.db, listed)
        rows = list(csv.DictReader(io.StringIO(self.xlens("export", "--db", self.db, "--format", "csv", "-o", "-")[0])))
        results = self.document("predict", "-m", NET, "--label", labels, *(r["file"] for r in rows))["results"]
        for row, result in zip(rows, results, strict=True):
            self.assertEqual([row[f"top{k}"] for k in range(1, 6)], [str(t["index"]) for t in result["topk"]])
            self.assertAlmostEqual(float(row["prob1"]), result["topk"][0]["prob"], 6)
        self.assertEqual(got["top1"], 100 * sum(r["label"] == r["top1"] for r in rows) / len(rows))
        self.assertEqual(self.document("runs", "--db", self.db)["runs"][0]["arch"], "other")


main()
