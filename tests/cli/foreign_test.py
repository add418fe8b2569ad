"""xlens import and diff: predictions made elsewhere, and runs beside each other. What diff and
stats compute is checked against other libraries in peers_test.py."""
import csv, io, json, math, os, pathlib, shutil, struct, zipfile

from harness import DATA, LABEL_NAMES, MODEL, CliTest, main, npy

TRUTH = {"bee": 8, "dog": 1}


class Foreign(CliTest):
    def setUp(self):
        super().setUp()
        self.root = self.pictures()
        self.label = self.names()
        self.files = sorted(str(p.relative_to(self.root)) for p in self.root.rglob("*.*"))

    def bring(self, path, *args, name="theirs", **kw):
        return self.document("import", "--run", name, path, "--db", self.db, "--label", self.label,
                             *args, **kw)

    def write(self, name, text):
        path = self.tmp / name
        path.write_text(text)
        return path

    def table(self, run="theirs"):
        out, _ = self.xlens("export", "--db", self.db, "--run", run, "--format", "csv", "-o", "-", text=False)
        return list(csv.DictReader(io.StringIO(os.fsdecode(out))))

    def scores(self, i):
        """Distinct logits, the best of them class i % 10."""
        return [5.0 if c == i % 10 else -((c * 7 + i) % 10) / 10 for c in range(10)]

    def softmax(self, values):
        total = sum(math.exp(v) for v in values)
        return [math.exp(v) / total for v in values]

    def expected(self, i):
        """The five best of picture i as (class, probability)."""
        probs = self.softmax(self.scores(i))
        return sorted(enumerate(probs), key=lambda p: (-p[1], p[0]))[:5]

    def check(self, got, rows=None, tolerance=1e-6):
        """got: the document of import; the run's rows are those of expected()."""
        rows = rows or self.table()
        self.assertEqual((got["images"], got["rows"], got["failed"], got["labelled"]),
                         (12, 12, 0, 12))
        self.assertEqual([r["file"] for r in rows], self.files)
        top1 = 0
        for i, row in enumerate(rows):
            want = self.expected(i)
            self.assertEqual([row[f"top{k}"] for k in range(1, 6)], [str(c) for c, _ in want])
            for k, (_, prob) in enumerate(want):
                # Six decimals are written.
                self.assertAlmostEqual(float(row[f"prob{k + 1}"]), prob, delta=tolerance)
            top1 += want[0][0] == TRUTH[row["file"][:3]]
        self.assertAlmostEqual(got["top1"], 100 * top1 / 12)

    # ---- formats ----

    def test_result_npz(self):
        folder = self.tmp / "out"
        folder.mkdir()
        for i, name in enumerate(self.files):
            values = self.scores(i) if i % 2 else self.softmax(self.scores(i))
            with zipfile.ZipFile(folder / f"{i:08}_{pathlib.Path(name).stem}.npz", "w") as out:
                out.writestr("output_0.npy", npy("<f4", (1, 10), struct.pack("<10f", *values)))
        self.check(self.bring(folder, "--dataset", self.root))
        bad = f"00000003_{pathlib.Path(self.files[3]).stem}.npz"
        (folder / bad).write_bytes(b"PK nothing")
        out, err = self.xlens("import", "--run", "theirs", folder, "--db", self.db, "--label",
                              self.label, "--dataset", self.root, status=1)
        self.assertIn("12 of 12 pictures, 1 failed", out)
        self.assertIn(bad, err)
        self.assertEqual([bool(r["error"]) for r in self.table()].count(True), 1)

    def lines(self, per_file):
        return "".join(per_file(i, name) for i, name in enumerate(self.files))

    def test_relay(self):
        text = self.lines(lambda i, name: "".join(
            f"/elsewhere/{name}: Relay top-{k} id: {c}, prob: {p:.8f}, class name: x, y\n"
            for k, (c, p) in enumerate(self.expected(i))))
        self.check(self.bring(self.write("r.txt", text), "--dataset", self.root))
        bad = text.replace("prob: ", "prob: -", 1)
        self.fails(3, "import", "--run", "bad", self.write("bad.txt", bad), "--db", self.db,
                   "--label", self.label, says=["bad.txt:", "no probability"])

    def test_csv_forms(self):
        best = self.expected
        wide = "file,top1,prob1,top2,prob2,top3,prob3,top4,prob4,top5,prob5\n" + self.lines(
            lambda i, n: n + "".join(f",{c},{p:.9f}" for c, p in best(i)) + "\n")
        long = "path,class,probability\n" + self.lines(lambda i, n: "".join(
            f"{n},{LABEL_NAMES[c]},{p:.9f}\n" for c, p in reversed(best(i))))
        order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
        logits = "image," + ",".join(f"logit_{c}" for c in order) + "\n" + self.lines(
            lambda i, n: n + "".join(f",{self.scores(i)[c]}" for c in order) + "\n")
        names = '"filename",' + ",".join(LABEL_NAMES) + "\r\n" + self.lines(
            lambda i, n: f'"{n}"' + "".join(f",{p:.9f}" for p in self.softmax(self.scores(i)))
            + "\r\n")
        for name, text in dict(wide=wide, long=long, logits=logits, names=names).items():
            path = self.write(name + ".csv", text)
            self.check(self.bring(path, "--dataset", self.root, name=name), self.table(name))

    def test_json_lines(self):
        forms = {
            "topk": lambda i, n: {"file": n, "topk": [{"index": c, "prob": p}
                                                      for c, p in self.expected(i)]},
            "logits": lambda i, n: {"file": n, "logits": self.scores(i)},
            "probs": lambda i, n: {"file": n, "probs": self.softmax(self.scores(i))}}
        for name, form in forms.items():
            text = self.lines(lambda i, n: json.dumps(form(i, n)) + "\n")
            self.check(self.bring(self.write(name, text), "--dataset", self.root, name=name),
                       self.table(name))
        pairs = self.lines(lambda i, n: "".join(
            json.dumps({"file": n, "class": LABEL_NAMES[c], "score": p}) + "\n"
            for c, p in self.expected(i)))
        self.check(self.bring(self.write("pairs", pairs), "--dataset", self.root, name="pairs"),
                   self.table("pairs"))

    def test_own_exports_come_back(self):
        self.evaluated_once()
        for form in ("csv", "jsonl"):
            out = self.tmp / f"own.{form}"
            self.xlens("export", "--db", self.db, "--run", "own", "--format", form, "-o", out)
            self.bring(out, "--dataset", self.root, name=form, status=1)
            self.assertEqual(self.table(form), self.table("own"))
            # Only where the class is the same can the sixth decimal differ.
            got = self.document("diff", "--db", self.db, "-a", "own", "-b", form)
            self.assertEqual((got["shared"], got["agree"], got["listed"]), (12, 12, 0))
            stats = [self.document("stats", "--db", self.db, "--run", r) for r in ("own", form)]
            for key in ("images", "failed", "labelled", "top1", "top5", "pairs"):
                self.assertEqual(stats[0][key], stats[1][key])

    def test_names_that_are_no_text(self):
        """Bytes that are no UTF-8, backslashes, a pair of surrogates and quotes come back."""
        root = self.tmp / "odd"
        for name in (b"a\xff\xfe.jpg", rb"b\udc80.jpg", "c\U0001f415\u00e9.jpg".encode(), b'd,"\t.jpg'):
            path = os.fsencode(root) + b"/n01440764 \xe9/" + name
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(os.fsencode(DATA / "pictures/rgb.jpg"), path)
        self.xlens("eval", "-m", MODEL, "--db", self.db, "--label", self.label, "--name", "own", root)
        for form in ("csv", "jsonl"):
            out = self.tmp / f"own.{form}"
            self.xlens("export", "--db", self.db, "--run", "own", "--format", form, "-o", out)
            self.bring(out, "--dataset", root, name=form)
            self.assertEqual(self.table(form), self.table("own"))
        # Half a pair is not half of a byte.
        out.write_text(r'{"file": "\ud800\udc80.jpg", "index": 1, "prob": 1}' + "\n")
        self.xlens("import", "--run", "pair", out, "--db", self.db)
        self.assertIn("\U00010080.jpg", self.xlens("export", "--db", self.db, "--run", "pair", "--format",
                                                   "csv", "-o", "-")[0])

    def evaluated_once(self):
        (self.root / "bee/broken.jpg").write_bytes((DATA / "pictures/rgb.jpg").read_bytes()[:400])
        self.xlens("eval", "-m", MODEL, "--db", self.db, "--label", self.label, "--name", "own",
                   self.root, status=1)

    # ---- the run ----

    def simple(self, name="t.csv", shift=0):
        return self.write(name, "file,class,prob\n" + self.lines(
            lambda i, n: f"{n},{(i + shift) % 10},0.{i + 10}\n"))

    def test_again_replaces(self):
        first = self.bring(self.simple(), "--dataset", self.root)
        before = self.document("runs", "--db", self.db)
        self.assertEqual(self.bring(self.simple(), "--dataset", self.root), first)
        again = self.document("runs", "--db", self.db)
        times = {"started": 0, "finished": 0}  # the clock may have gone on
        self.assertEqual([run | times for run in again["runs"]],
                         [run | times for run in before["runs"]])
        self.assertEqual([(r["name"], r["arch"], r["precision"], r["state"]) for r in again["runs"]],
                         [("theirs", "foreign", None, "complete")])
        self.bring(self.simple(shift=1), "--dataset", self.root)
        self.assertEqual([r["top1"] for r in self.table()], [str((i + 1) % 10) for i in range(12)])
        # Over other pictures: only when told.
        out, err = self.xlens("import", "--run", "theirs", self.simple(), "--db", self.db,
                              "--label", self.label, status=2)
        self.assertIn("--force", err)
        self.bring(self.simple(), "--force")
        self.assertEqual(len(self.document("runs", "--db", self.db)["runs"]), 1)
        self.evaluated_once()
        self.fails(2, "import", "--run", "own", self.simple(), "--db", self.db, "--label",
                   self.label, "--force", says="evaluation")

    def test_without_a_dataset(self):
        got = self.bring(self.simple())
        self.assertEqual((got["images"], got["labelled"]), (12, 12))  # folders bee and dog
        truth = self.write("val_label.txt", self.lines(lambda i, n: f"{n} 4\n"))
        got = self.bring(self.simple(), "--val_label", truth, "--label-order", "wnid")
        self.assertEqual({r["label"] for r in self.table()}, {"4"})
        wnids = self.write("w.csv", "file,wnid,prob,label\nn01440764/a.JPEG,n01443537,0.5,\n"
                                    "x/b.JPEG,n01440764,0.5,n01440764\n")
        got = self.document("import", "--run", "w", wnids, "--db", self.db)
        self.assertEqual((got["labelled"], got["top1"]), (2, 50))
        self.assertEqual([(r["label"], r["top1"]) for r in self.table("w")],
                         [("0", "1"), ("0", "0")])

    def test_strangers_and_gaps(self):
        text = self.simple().read_text().splitlines()
        part = self.write("part.csv", "\n".join(text[:6] + ["nobody.png,1,0.5"]) + "\n")
        out, err = self.xlens("import", "--run", "p", part, "--db", self.db, "--label", self.label,
                              "--dataset", self.root, status=1)
        self.assertIn("nobody.png", err)
        self.assertIn("5 of 12 pictures", out)
        run = self.document("runs", "--db", self.db)["runs"][0]
        self.assertEqual((run["state"], run["predicted"], run["images"]), ("partial", 5, 12))
        labels = self.write("l.csv", "file,label,class,prob\nbee/00.jpg,3,8,0.5\n")
        _, err = self.xlens("import", "--run", "l", labels, "--db", self.db, "--label", self.label,
                            "--dataset", self.root)
        self.assertIn("1 labels are not those", err)
        self.assertEqual(self.table("l")[0]["label"], "8")

    def test_bad_files_leave_nothing(self):
        good = self.simple().read_text()
        line = "bee/00.jpg,8,0.5\n"
        for text, says in [
            ("", "expected columns"), ("file,class\n", "expected columns"),
            ("file,class,prob\n", "holds no prediction"),
            (good + "bee/00.jpg,8\n", ":14: 2 fields, expected 3"),
            (good + "x,8,1.5\n", ":14: expected a probability"),
            (good + "x,8,nan\n", ":14: expected a probability"),
            (good + "x,10,0.5\n", ":14: class 10"), (good + "x,-1,0.5\n", ":14: -1: no such class"),
            (good + "x,unicorn,0.5\n", ":14: unicorn: no such class"),
            (good + "x,99999999999999999999,0.5\n", ":14:"),
            (good + ",1,0.5\n", ":14: expected the name"),
            (good + line, ":14: bee/00.jpg"), (good + 'x,"1,0.5\n', "quotes"),
            ("file,class,prob\n" + line + line, ":3: a class that the picture has"),
            ("file,0,1,3\nx,1,2,3\n", "each class"), ("file,0,1,1\nx,1,2,3\n", "each class"),
            ("file,0,1,2\nx,1,2,inf\n", ":2: expected finite"),
            ("file,0,1,2\nx,1,2,3\n", "3 classes"), ("file,unicorn\n", "unicorn"),
            ('{"file": "x"}\n', ":1: expected a class"), ('{"file": "x", "logits": []}\n', ":1:"),
            ('{"file": "x", "logits": [1, null]}\n', ":1:"), ('{"class": 1}\n', "with file"),
            ('{"file": "x", "class": 1, "prob": 0.5}\nx\n', ":2: no JSON"),
            ("[" * 100000, "expected columns"), ("{" * 100000, ":1: no JSON"),
            ("x: Relay top-0 id: 1, prob: 0.5, class name: y\nx: Relay top-2 id: 2, prob: 0.1,\n",
             ":2: expected ranks"),
            ("x: Relay top-0 id: 99, prob: 0.5, class name: y\n", ":1: class 99"),
            ("x: Relay top-0 id: 1, prob: inf, class name: y\n", ":1: expected a number"),
            ("file,class,prob\na\0b,1,0.5\n", "bytes that are 0"),
            ("file,class,prob\n" + "x" * (5 << 20) + ",1,0.5\n" + line, "longer than"),
        ]:
            path = self.tmp / "bad"
            path.write_bytes(text.encode())
            self.fails(3, "import", "--run", "bad", path, "--db", self.db, "--label", self.label,
                       "--dataset", self.root, says=["bad", says])
        self.fails(3, "import", "--run", "x", self.tmp / "none", "--db", self.db, says="none")
        folder = self.tmp / "empty"
        folder.mkdir()
        self.fails(3, "import", "--run", "x", folder, "--db", self.db, says="no result npz")
        self.fails(3, "import", "--run", "x", self.write("s.csv", "file,class,prob\nx.png,1,1\n"),
                   "--dataset", self.root, "--db", self.db, says="x.png")
        if pathlib.Path(self.db).exists():
            self.assertEqual(self.document("runs", "--db", self.db)["runs"], [])

    def test_many_rows_in_pieces(self):
        """Larger than a piece of 16 MiB, in a csv with a column a class."""
        head = "file," + ",".join(map(str, range(1000))) + "\n"
        scores = ",".join(f"{c % 97 / 97:.4f}" for c in range(999))
        n = 2700
        path = self.tmp / "big.csv"
        with path.open("w") as out:
            out.write(head)
            for i in range(n):
                out.write(f"n01440764/{i:05}.JPEG,{scores},{2 if i % 3 else -2}\n")
        self.assertGreater(path.stat().st_size, 17 << 20)
        got = self.document("import", "--run", "big", path, "--db", self.db)
        self.assertEqual((got["rows"], got["labelled"]), (n, n))
        rows = self.table("big")
        self.assertEqual([r["top1"] for r in rows], ["999" if i % 3 else "96" for i in range(n)])

    # ---- diff ----

    def two_runs(self):
        """b calls the first three pictures something else than a."""
        self.bring(self.simple(), "--dataset", self.root, name="a")
        rows = self.simple().read_text().splitlines()
        for i in (1, 2, 3):
            name = rows[i].split(",")[0]
            rows[i] = f"{name},{8 if i < 3 else 9},0.75"
        path = self.write("b.csv", "\n".join(rows) + "\n")
        self.bring(path, "--dataset", self.root, name="b")

    def test_diff(self):
        self.two_runs()
        got = self.document("diff", "--db", self.db, "--run-a", "a", "--run-b", "b")
        truth = [8] * 6 + [1] * 6
        a = [i % 10 for i in range(12)]
        b = [8, 8, 9] + a[3:]
        right = [(x == t, y == t) for x, y, t in zip(a, b, truth)]
        self.assertEqual(got["table"], {"both_right": right.count((True, True)),
                                        "a_right": right.count((True, False)),
                                        "b_right": right.count((False, True)),
                                        "both_wrong": right.count((False, False))})
        self.assertEqual((got["shared"], got["only_a"], got["only_b"], got["agree"]), (12, 0, 0, 9))
        self.assertEqual(got["agreement"], 75)
        # Two pictures, both right in b only: p = 2 * (1/2)^2.
        self.assertEqual(got["mcnemar"], {"method": "exact", "statistic": 0, "p": 0.5})
        self.assertEqual([(c["index"], c["support"], c["a_correct"], c["b_correct"])
                          for c in got["classes"]], [(8, 6, 0, 2)])
        self.assertEqual([p["file"] for p in got["pictures"]], self.files[:3])
        self.assertEqual(got["pictures"][0]["b"], {"index": 8, "label": "bee", "prob": 0.75})
        for only, want in [("b-right", 2), ("a-right", 0), ("disagree", 3), ("all", 12),
                           ("both-wrong", 9)]:
            got = self.document("diff", "--db", self.db, "-a", "a", "-b", "b", "--only", only,
                                "--limit", "1")
            self.assertEqual((got["listed"], len(got["pictures"])), (want, min(want, 1)))
        got = self.document("diff", "--db", self.db, "-a", "a", "-b", "b", "--filter", "class=dog",
                            "--label", self.label)
        self.assertEqual((got["shared"], got["listed"]), (6, 0))
        out, _ = self.xlens("diff", "--db", self.db, "-a", "a", "-b", "b", "--limit", "2")
        self.expect("diff.txt", out)

    def test_diff_files(self):
        self.two_runs()
        out = self.tmp / "worse.txt"
        args = ["diff", "--db", self.db, "-a", "a", "-b", "b", "-o", out]
        self.xlens(*args, "--format", "datalist", "--only", "b-right")
        self.assertEqual(out.read_text().splitlines(),
                         [f"{self.root}/{name} 8" for name in self.files[:2]])
        self.assertEqual(self.document("info", out)["images"], 2)
        self.fails(2, *args, says="--force")
        self.xlens(*args, "--force", "-q")
        rows = list(csv.DictReader(out.read_text().splitlines()))
        self.assertEqual([(r["file"], r["a_top1"], r["b_top1"], r["b_name"]) for r in rows][0],
                         (self.files[0], "0", "8", "bee"))
        text, _ = self.xlens("diff", "--db", self.db, "-a", "a", "-b", "b", "-o", "-")
        self.assertEqual(text, out.read_text())
        self.fails(2, "diff", "--db", self.db, "-a", "a", "-b", "b", "-o", "-", "--json",
                   says="stdout")
        self.fails(3, "diff", "--db", self.db, "-a", "a", "-b", "c", says="no run")

    def test_diff_across_datasets(self):
        """By the last part of the names, where the runs are not over the same folder."""
        self.two_runs()
        self.bring(self.simple("other.csv"), name="c")
        moved = self.write("m.csv", "file,class,prob\n" + self.lines(
            lambda i, n: f"/mnt/x/{n},{i % 10},0.5\n"))
        self.bring(moved, name="d")
        for run in "cd":
            got = self.document("diff", "--db", self.db, "-a", "a", "-b", run)
            self.assertEqual((got["shared"], got["agree"], got["only_b"]), (12, 12, 0))
        thousand = self.write("k.csv", "file,class,prob\nx.png,999,0.5\n")
        self.document("import", "--run", "k", thousand, "--db", self.db)
        self.fails(2, "diff", "--db", self.db, "-a", "a", "-b", "k", says="classes")
        alone = self.write("z.csv", "file,class,prob\nx.png,9,0.5\n")
        self.bring(alone, name="z")
        self.fails(3, "diff", "--db", self.db, "-a", "a", "-b", "z", says="no picture")


main()
