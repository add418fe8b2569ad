"""xlens stats, runs, export and info."""
import csv, io, json, re

from harness import LABEL_NAMES, MODEL, CliTest, floats, main, read_npz

HEADER = ("file label label_name top1 top2 top3 top4 top5 "
          "prob1 prob2 prob3 prob4 prob5 error").split()


class Reports(CliTest):
    def setUp(self):
        super().setUp()
        self.root = self.evaluated()
        self.names_file = self.names()

    def export(self, *args, out="-", **kw):
        return self.xlens("export", "--db", self.db, "-o", out, "--label", self.names_file,
                          *args, **kw)

    def table(self, *args):
        return list(csv.DictReader(io.StringIO(self.export("--format", "csv", *args)[0])))

    # ---- export ----

    def test_csv(self):
        rows = self.table()
        self.assertEqual(list(rows[0]), HEADER)
        self.assertEqual(len(rows), 13)
        files = [r["file"] for r in rows]
        self.assertEqual(files, sorted(files))
        for row in rows:
            broken = "broken" in row["file"]
            self.assertEqual(row["label"], "8" if row["file"].startswith("bee") else "1")
            self.assertEqual(row["label_name"], LABEL_NAMES[int(row["label"])])
            self.assertEqual(row["error"] != "", broken)
            self.assertEqual(row["top1"] == "", broken)

    def test_filter(self):
        everything = self.table("--filter", "")
        self.assertEqual(self.table(), everything)
        right = [r for r in everything if r["top1"] and r["top1"] == r["label"]]
        wrong = [r for r in everything if r["top1"] and r["top1"] != r["label"]]
        self.assertTrue(right and wrong)
        self.assertEqual(self.table("--filter", "right"), right)
        self.assertEqual(self.table("--filter", "wrong"), wrong)
        self.assertEqual(self.table("--filter", "wrong and class=dog"),
                         [r for r in wrong if r["label"] == "1"])
        self.assertEqual([r["file"] for r in self.table("--filter", "error")], ["bee/broken.jpg"])
        for wrong in ("wrong and (", "wrong (", "colour=red", "conf>much"):
            self.fails(2, "export", "--db", self.db, "--format", "csv", "-o", "-", "--filter", wrong)

    def test_files_are_not_overwritten(self):
        out = self.tmp / "o.csv"
        _, err = self.export("--format", "csv", out=out)
        self.assertIn("13 of 13 rows", err)
        first = out.read_bytes()
        self.fails(2, "export", "--db", self.db, "--format", "csv", "-o", out,
                   says=["o.csv", "--force"])
        self.export("--format", "csv", "--force", "-q", out=out)
        self.assertEqual(out.read_bytes(), first)
        self.assertEqual(sorted(p.name for p in self.tmp.glob("o.csv*")), ["o.csv"])

    def test_jsonl_and_datalist(self):
        lines = self.export("--format", "jsonl")[0].splitlines()
        self.assertEqual([json.loads(l)["file"] for l in lines], [r["file"] for r in self.table()])
        lines = self.export("--format", "datalist", "--filter", "right or wrong")[0].splitlines()
        self.assertEqual(len(lines), 12)
        for line, row in zip(lines, self.table("--filter", "run")):
            self.assertEqual(line, f"{self.root}/{row['file']} {row['label']}")
        listed = self.tmp / "list.txt"
        listed.write_text("\n".join(lines) + "\n")
        got = self.document("eval", "-m", MODEL, listed, "--db", self.db)
        self.assertEqual((got["images"], got["labelled"], got["from_cache"]), (12, 12, 12))

    def test_arrays(self):
        out = self.tmp / "o.npz"
        got = self.document("export", "--db", self.db, "--format", "npz", "-o", out)
        self.assertEqual((got["rows"], got["output"]), (13, str(out)))
        arrays = read_npz(out)
        self.assertLessEqual({"file", "label", "top", "prob"}, set(arrays))
        self.assertEqual(arrays["top"][1], (13, 5))
        rows = self.table()
        for i, prob in enumerate(floats(arrays["prob"])[::5]):
            if rows[i]["prob1"]:
                self.assertAlmostEqual(prob, float(rows[i]["prob1"]), 5)

    def test_pictures(self):
        out = self.tmp / "folder"
        self.export("--format", "npz", "--filter", "class=dog", out=out)
        lines = (out / "npz_datalist.txt").read_text().splitlines()
        self.assertEqual(lines, [f"{out}/dog/{n:02}.npz" for n in (1, 3, 5, 7, 9, 11)])
        self.assertEqual(read_npz(lines[0])["input_0"][0], "|u1")
        self.fails(2, "export", "--db", self.db, "--format", "npz", "-o", out,
                   says=["npz_datalist.txt", "--force"])
        self.export("--format", "npz", "--force", out=out, status=1)  # the broken one too
        self.assertEqual(len((out / "npz_datalist.txt").read_text().splitlines()), 12)
        self.fails(2, "export", "--db", self.db, "--format", "npz", "-o", "-", says="stdout")

    def test_confusion(self):
        cells = list(csv.reader(io.StringIO(self.export("--format", "confusion")[0])))
        counted = sum(int(c) for line in cells[1:] for c in line[1:] if c)
        self.assertEqual(counted, 12)
        out = self.tmp / "c.npz"
        self.export("--format", "confusion", out=out)
        self.assertIn("counts", read_npz(out))

    # ---- stats ----

    def test_stats(self):
        rows = [r for r in self.table() if r["top1"]]
        got = self.document("stats", "--db", self.db)
        self.assertEqual((got["images"], got["predicted"], got["failed"], got["labelled"]),
                         (13, 12, 1, 12))
        right = sum(r["top1"] == r["label"] for r in rows)
        self.assertAlmostEqual(got["top1"], 100 * right / 12)
        self.assertLessEqual(got["top1_low"], got["top1"])
        self.assertGreaterEqual(got["top1_high"], got["top1"])
        self.assertEqual(sum(p["count"] for p in got["pairs"]), 12 - right)
        self.assertEqual(sum(c["support"] for c in got["classes"]), 12)
        self.assertEqual((len(got["bins"]), sum(b["count"] for b in got["bins"])), (15, 12))
        for kind, key in (("class", "classes"), ("pair", "pairs"), ("bin", "bins")):
            part = self.document("stats", "--db", self.db, "--by", kind)
            self.assertEqual(part[key], got[key])
            self.assertEqual({"classes", "pairs", "bins"} & set(part), {key})
            out, _ = self.xlens("stats", "--db", self.db, "--by", kind)
            self.assertGreaterEqual(len(out.splitlines()), 2)
        out, _ = self.xlens("stats", "--db", self.db, "--by", "all", "--label", self.names_file)
        for what in ("top-1", "top-5", "ECE", "truth"):
            self.assertIn(what, out)

    def test_stats_of_a_class(self):
        for name in ("1", "dog"):
            got = self.document("stats", "--db", self.db, "--class", name, "--label",
                                self.names_file)
            self.assertEqual((got["images"], got["labelled"]), (6, 6))
            self.assertEqual([c["label"] for c in got["classes"]], ["dog"])
            self.assertTrue(all(p["truth"] == 1 for p in got["pairs"]))
        self.fails(2, "stats", "--db", self.db, "--class", "unicorn", says="unicorn")
        self.fails(2, "stats", "--db", self.db, "--class", "10", says="10")

    # ---- runs ----

    def test_runs(self):
        self.xlens("eval", "-m", MODEL, self.root / "dog", "--db", self.db, "--name", "dogs")
        got = self.document("runs", "--db", self.db)["runs"]
        self.assertEqual([r["name"] for r in got][0], "dogs")
        self.assertEqual([r["images"] for r in got], [6, 13])
        self.assertEqual({r["state"] for r in got}, {"complete"})
        self.assertEqual(len(self.table("--run", "dogs")), 6)
        self.assertEqual(len(self.table("--run", str(got[1]["id"]))), 13)
        self.assertEqual(self.document("stats", "--db", self.db, "--run", "dogs")["images"], 6)
        self.fails(3, "stats", "--db", self.db, "--run", "cats", says=["cats", "dogs"])
        out, _ = self.xlens("runs", "--db", self.db)
        self.assertEqual(len(out.splitlines()), 3)
        left = self.document("runs", "--db", self.db, "rm", "dogs")["runs"]
        self.assertEqual([r["id"] for r in left], [got[1]["id"]])
        self.fails(3, "runs", "--db", self.db, "rm", "dogs", says="dogs")
        self.assertEqual(len(self.table()), 13)

    # ---- info ----

    def test_info_of_a_database(self):
        got = self.document("info", self.db)
        self.assertEqual(got, self.document("runs", "--db", self.db))

    def test_info_of_a_dataset(self):
        got = self.document("info", self.root)
        self.assertEqual((got["images"], got["labelled"], got["classes"], got["damaged"]),
                         (13, 13, 2, 1))
        out, _ = self.xlens("info", self.root)
        self.assertRegex(out, r"damaged +1\n")
        listed = self.tmp / "list.txt"
        listed.write_text(f"{self.root}/bee/00.jpg 4\n")
        self.assertEqual(self.document("info", listed)["images"], 1)

    def test_info_of_a_model(self):
        got = self.document("info", MODEL)
        self.assertLessEqual({"arch", "publisher", "precision", "input", "classes", "params",
                              "macs", "preprocess", "layers"}, set(got))
        self.assertEqual((got["arch"], got["publisher"], got["precision"]),
                         ("keras_xception", "keras", "float32"))
        self.assertEqual((got["input"], got["classes"]), ([3, 75, 75], 10))
        self.assertEqual(got["preprocess"]["name"], "keras")
        self.assertEqual(sum(l["macs"] for l in got["layers"]), got["macs"])
        out, _ = self.xlens("info", MODEL, "--layers", "--isa", "scalar")
        self.assertEqual(len(out.splitlines()), 11 + 1 + len(got["layers"]))
        self.assertNotIn("avx2", out)


main()
