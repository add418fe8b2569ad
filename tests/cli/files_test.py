"""xlens npz, convert and verify."""
import csv, hashlib, shutil

from harness import DATA, MODEL, REFERENCE, CliTest, floats, main, read_npz, skip_loudly


class Npz(CliTest):
    def test_raw_set(self):
        root = self.pictures(broken=True)
        target, text = self.tmp / "t", self.tmp / "list.txt"
        args = ["npz", "--dataset_path", root, "--target_path", target, "--text_path", text]
        out, err = self.xlens(*args, status=1)
        self.assertEqual(out, "12 written, 0 kept, 1 failed\n")
        self.assertRegex(err, r"\Axlens: .*broken\.jpg: [^\n]+\n\Z")
        self.assertEqual(text.read_text().splitlines(),
                         [f"{target}/{p.parent.name}/{p.stem}.npz"
                          for p in sorted(root.glob("*/[0-9]*"))])
        dtype, shape, data = read_npz(target / "dog/09.npz")["input_0"]
        self.assertEqual((dtype, shape[0], len(data)), ("|u1", 3, shape[0] * shape[1] * shape[2]))
        got = self.document(*args, status=1)
        self.assertEqual((got["written"], got["kept"], got["failed"]), (0, 12, 1))
        self.assertEqual(self.document(*args, "--force", status=1)["written"], 12)

    def test_prepared_without_a_model(self):
        root = self.pictures()
        args = ["npz", "--dataset_path", root / "dog", "--target_path"]
        self.xlens(*args, self.tmp / "a", "--preprocessed")
        self.assertEqual(read_npz(self.tmp / "a/dog/01.npz")["input_0"][1], (1, 3, 299, 299))
        self.xlens(*args, self.tmp / "b", "--preprocessed", "-s", "[3,64,96]", "--preprocess",
                   "keras")
        array = read_npz(self.tmp / "b/dog/01.npz")["input_0"]
        self.assertEqual(array[1], (1, 3, 64, 96))
        self.assertTrue(all(-1 <= v <= 1 for v in floats(array)))
        self.fails(2, *args, self.tmp / "c", "--preprocessed", "--preprocess", "no", says="no")
        self.xlens(*args, self.tmp / "d", "--preprocessed", "-m", MODEL, "--arch",
                   "keras_xception", "--head", self.head(MODEL, [0, 1]))
        self.assertEqual(read_npz(self.tmp / "d/dog/01.npz")["input_0"][1], (1, 3, 75, 75))

    def test_two_pictures_one_name(self):
        root = self.pictures()
        shutil.copy(root / "bee/00.jpg", root / "bee/00.png")
        _, err = self.xlens("npz", "--dataset_path", root, "--target_path", self.tmp / "t",
                            status=1)
        self.assertIn("bee/00.png", err)
        self.assertIn("bee/00.jpg", err)

    def test_equal_to_opencv(self):
        if not (REFERENCE / "data/ilsvrc").is_dir():
            skip_loudly("no reference pictures")
        for name, folder in (("ilsvrc", "data/ilsvrc/val"), ("web", "data/web")):
            with open(REFERENCE / f"data/reference/{name}_cv2.csv") as table:
                rows = list(csv.DictReader(table))[::10]
            chosen, listed = self.tmp / f"{name}.txt", self.tmp / f"{name}_npz.txt"
            chosen.write_text("".join(f"{REFERENCE / folder / r['file']}\n" for r in rows))
            self.xlens("npz", "--dataset_path", chosen, "--target_path", self.tmp / name,
                       "--text_path", listed)
            paths = listed.read_text().split()
            self.assertEqual(len(paths), len(rows))
            for path, row in zip(paths, rows):
                _, shape, data = read_npz(path)["input_0"]
                self.assertEqual("x".join(map(str, shape)), row["shape"])
                self.assertEqual(hashlib.sha256(data).hexdigest()[:16],
                                 row["sha256_16_chw_uint8"], path)


class Convert(CliTest):
    def test_round_trip(self):
        native = self.tmp / "n.safetensors"
        out, _ = self.xlens("convert", "-m", MODEL, "-o", native)
        self.assertEqual(out, f"{native}: {native.stat().st_size} bytes\n")
        first = native.read_bytes()
        self.fails(2, "convert", "-m", MODEL, "-o", native, says=["n.safetensors", "--force"])
        got = self.document("convert", "-m", MODEL, "--output", native, "--force")
        self.assertEqual(got["bytes"], len(first))
        self.assertEqual(native.read_bytes(), first)
        picture = self.pictures() / "bee/00.jpg"
        for a, b in zip(*(self.document("predict", "-m", m, picture)["results"][0]["topk"]
                          for m in (MODEL, native))):
            self.assertEqual(a["index"], b["index"])
            self.assertAlmostEqual(a["prob"], b["prob"], 5)
        a, b = (self.document("info", m) for m in (MODEL, native))
        for key in ("arch", "input", "classes", "macs", "preprocess"):
            self.assertEqual(a[key], b[key])

    def test_failures(self):
        native = self.tmp / "n.safetensors"
        self.fails(3, "convert", "-m", DATA / "pictures/rgb.jpg", "-o", native, says="rgb.jpg")
        self.xlens("convert", "-m", MODEL, "-o", "/nowhere/at/all.safetensors", status=3)
        self.fails(3, "convert", "-m", MODEL, "--precision", "int8", "-o", native)
        self.fails(2, "convert", "-m", MODEL, "--arch", "vgg", "-o", native, says="vgg")
        self.fails(3, "convert", "-m", MODEL, "--head", MODEL, "-o", native)
        self.assertFalse(native.exists())


class Verify(CliTest):
    def test_verdicts(self):
        root = self.pictures(broken=True)
        got = self.document("verify", root, status=1)
        self.assertEqual((got["images"], got["damaged"]), (13, 1))
        results = {r["file"]: r for r in got["results"]}
        self.assertEqual(len(results), 13)
        self.assertEqual(results["bee/broken.jpg"]["verdict"], "damaged")
        self.assertEqual(results["bee/00.jpg"], {"file": "bee/00.jpg", "verdict": "ok",
                         "reason": None, "width": results["bee/00.jpg"]["width"],
                         "height": results["bee/00.jpg"]["height"]})
        self.assertEqual(results["bee/02.jpg"]["verdict"], "odd")  # CMYK
        self.assertEqual(got["odd"], sum(r["verdict"] == "odd" for r in got["results"]))
        out, _ = self.xlens("verify", root, status=1)
        self.assertEqual(len(out.splitlines()), 1 + got["odd"] + 1)
        out, _ = self.xlens("verify", root, "-v", "--threads", "1", status=1)
        self.assertEqual(len(out.splitlines()), 13 + 1)

    def test_files_and_sets(self):
        root = self.pictures()
        got = self.document("verify", root / "bee/00.jpg", root / "dog", root / "bee/04.png")
        self.assertEqual(got["images"], 8)
        self.assertEqual(self.document("verify", "missing.jpg", status=1)["damaged"], 1)

    def test_damaged_reference_pictures(self):
        if not (REFERENCE / "data/badjpeg").is_dir():
            skip_loudly("no reference pictures")
        got = self.document("verify", REFERENCE / "data/badjpeg", status=1)
        for result in got["results"]:
            name = result["file"].split("/")[-1]
            if "_cut_at_" in name or name.startswith("empty_or_stub"):
                self.assertEqual(result["verdict"], "damaged", name)
            if name.startswith("generated_valid"):
                self.assertNotEqual(result["verdict"], "damaged", name)


main()
