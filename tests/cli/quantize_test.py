"""xlens quantize, and its files in the other commands."""
import json, struct

from harness import MODEL, CliTest, main


class Quantize(CliTest):
    def quantize(self, *args, **kw):
        return self.document("quantize", "-m", MODEL, "-o", self.tmp / "q.safetensors", *args, **kw)

    def test_a_model_and_what_it_costs(self):
        many, out = self.many(24), self.tmp / "q.safetensors"
        args = ["--calib", many, "-n", "20", "--percentile", "99.9", "--more-rows", "50"]
        got = self.quantize(*args)
        self.assertEqual(got["bytes"], out.stat().st_size)
        self.assertEqual((got["calibration"]["pictures"], got["calibration"]["failed"],
                          got["calibration"]["missing_classes"], got["calibration"]["percentile"]),
                         (20, 0, 0, 99.9))
        self.assertEqual((got["evaluation"]["images"], got["evaluation"]["labelled"]), (4, 4))
        self.assertLessEqual(0, got["evaluation"]["agreement"])
        self.assertTrue(got["layers"])
        for layer in got["layers"]:
            self.assertEqual(layer["precision"], "int8")
            self.assertGreater(layer["sqnr_alone"], 15, layer)
        raw = out.read_bytes()
        header = json.loads(raw[8:8 + struct.unpack("<Q", raw[:8])[0]])
        meta = header["__metadata__"]
        self.assertEqual(meta["xlens.precision"], "int8")
        self.assertEqual(json.loads(meta["xlens.calibration"])["pictures"], 20)
        name = got["layers"][0]["name"]
        self.assertEqual(header[f"{name}.weight"]["dtype"], "I8")
        self.assertEqual(got["calibration"]["more_rows"], 50)
        more = {l["in"]: header[f"{l['name']}.in_more"]["shape"] for l in got["layers"] if f"{l['name']}.in_more" in header}
        self.assertTrue(more)
        for channels, (rows,) in more.items():  # in whole blocks
            self.assertEqual((channels % 8, rows % 8, rows <= channels // 2), (0, 0, True), more)
        self.fails(2, "quantize", "-m", MODEL, "--calib", many, "-o", out, says=str(out))
        self.quantize(*args, "--force", "--threads", "1")
        self.assertEqual(out.read_bytes(), raw)  # whatever the threads

        picture = many.parent / "00000.png"
        self.assertEqual(self.document("predict", "-m", out, picture)["precision"], "int8")
        self.assertEqual(self.document("predict", "-m", out, "--precision", "int8", picture)["precision"], "int8")
        self.assertEqual(self.document("info", out)["precision"], "int8")
        self.assertEqual(self.document("bench", "-m", out, "--iterations", "1")["precision"], "int8")
        self.document("eval", "-m", out, "--db", self.db, many)
        self.assertEqual(self.document("runs", "--db", self.db)["runs"][0]["precision"], "int8")
        self.fails(3, "predict", "-m", out, "--precision", "float32", picture, says="int8")
        self.fails(3, "predict", "-m", MODEL, "--precision", "int8", picture, says="xlens quantize")
        self.fails(3, "quantize", "-m", out, "--calib", many, "-n", "20", "-o", self.tmp / "no", says="int8")
        out, _ = self.xlens("quantize", "-m", MODEL, "--calib", many, "--method", "kl", "--more-rows", "0",
                            "-o", self.tmp / "kl")
        self.assertIn(" 18 of 18 convolutions in int8, calibrated on 24 pictures of ", out)
        self.assertNotIn(b"in_more", (self.tmp / "kl").read_bytes())

    def test_missing_classes(self):
        root = self.pictures()  # two of ten classes
        self.fails(3, "quantize", "-m", MODEL, "--calib", root, "-o", self.tmp / "q", says="8 of 10 classes")
        self.fails(3, "quantize", "-m", MODEL, "--calib", root / "bee", "-o", self.tmp / "q", says="no labels")
        self.assertFalse((self.tmp / "q").exists())
        got = self.quantize("--calib", root, "--allow-missing-classes", "--method", "max", "--count", "4",
                            "--eval", self.many(10), "--preprocess", "xception", "-s", "[3,80,80]",
                            "--arch", "keras_xception", "--head", self.head(MODEL, [0] * 10))
        self.assertEqual((got["calibration"]["missing_classes"], got["evaluation"]["images"]), (8, 10))

    def test_layers_that_stay(self):
        args = ["--calib", self.many(10), "-n", "10", "--force"]
        names = [layer["name"] for layer in self.quantize(*args)["layers"]]
        kept = [layer["name"] for layer in self.quantize(*args, "--keep", f"{names[0]},{names[-1]}")["layers"]
                if layer["precision"] == "float32"]
        self.assertEqual(kept, [names[0], names[-1]])
        got = self.quantize(*args, "--min-sqnr", "99")
        self.assertEqual({layer["precision"] for layer in got["layers"]}, {"float32"})
        self.fails(2, "quantize", "-m", MODEL, *args, "-o", self.tmp / "k", "--keep", "nothing", says="nothing")


main()
