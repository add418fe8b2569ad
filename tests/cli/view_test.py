"""--real and --fold: other truths for the same rows, beside a reading of WordNet's own files."""
import csv, io, json, pathlib, random, re, subprocess, sys

from harness import DATA, HERE, MODEL, CliTest, main, skip_loudly

ROOT = HERE.parent.parent
NOUNS = pathlib.Path("/usr/share/wordnet/data.noun")
TABLE = re.findall(r'CLASS\((\d+), "(n\d+)", \d+, "(.*)"\)', (ROOT / "dataset/imagenet.def").read_text())
WNIDS = [wnid for _, wnid, _ in TABLE]


class View(CliTest):
    """A run with made-up results over 1000 classes: rows come from `score`'s own reader."""

    def made(self, n=300):
        """A csv of (label, five guesses) as an exported run; no network is needed for these."""
        chance = random.Random(5)
        self.rows = []
        for i in range(1, n + 1):
            label = chance.randrange(1000)
            near = [min(999, max(0, label + chance.randrange(-6, 7))) for _ in range(9)]
            top = list(dict.fromkeys(near))[:5]
            while len(top) < 5:
                top.append((top[-1] + 37) % 1000)
            self.rows.append((f"ILSVRC2012_val_{i:08}", label, top))
        probs = [.5, .2, .1, .05, .01]
        self.list, self.results = self.tmp / "list.txt", self.tmp / "results.csv"
        self.list.write_text("".join(f"{self.tmp}/{f}.npz {label}\n" for f, label, _ in self.rows))
        with open(self.results, "w") as f:
            f.write("file," + ",".join(f"top{k},prob{k}" for k in range(1, 6)) + "\n")
            for file, _, top in self.rows:
                f.write(file + ".npz," + ",".join(f"{c},{p}" for c, p in zip(top, probs)) + "\n")

    def score(self, *args, **kw):
        return self.document("score", "--result_path", self.results, "--datalist", self.list, *args, **kw)

    def percent(self, hit, counted=lambda r: True):
        rows = [r for r in self.rows if counted(r)]
        return (len(rows), 100 * sum(hit(r, r[2][:1]) for r in rows) / len(rows),
                100 * sum(hit(r, r[2]) for r in rows) / len(rows))

    def assert_score(self, got, wanted):
        self.assertEqual(got["labelled"], wanted[0])
        self.assertAlmostEqual(got["top1"], wanted[1])
        self.assertAlmostEqual(got["top5"], wanted[2])


class Real(View):
    def setUp(self):
        super().setUp()
        self.made()
        chance = random.Random(6)
        self.sets = []
        for _, label, top in self.rows[:-20]:  # the last twenty are not in the file
            kind = chance.randrange(4)
            self.sets.append([[], [label], [label, top[0]], [chance.choice(top), (label + 9) % 1000]][kind])
        self.real = self.tmp / "real.json"
        self.real.write_text(json.dumps(self.sets))

    def set_of(self, row):
        number = int(row[0][-8:])
        return self.sets[number - 1] if number <= len(self.sets) else []

    def test_right_is_any_of_them(self):
        got = self.score("--real", self.real)
        self.assert_score(got, self.percent(lambda r, top: bool(set(top) & set(self.set_of(r))), self.set_of))
        both = sum(r[2][0] == r[1] and r[2][0] in self.set_of(r) for r in self.rows)
        only = sum(r[2][0] != r[1] and r[2][0] in self.set_of(r) for r in self.rows)
        self.assertEqual((got["real"]["unknown"], got["real"]["excluded"]), (20, sum(not s for s in self.sets)))
        self.assertEqual((got["real"]["right_by_both"], got["real"]["right_by_real_only"]), (both, only))

    def test_with_folding(self):
        got = self.score("--real", self.real, "--fold", "dog")
        dog = set(range(151, 269))  # Chihuahua to Mexican hairless

        def fold(classes):
            return {-1 if c in dog else c for c in classes}
        self.assert_score(got, self.percent(lambda r, top: bool(fold(top) & fold(self.set_of(r))), self.set_of))

    def test_wrong_files(self):
        for text in ("", "{}", "[]", "[1]", "[[1.5]]", "[[-1]]", '[["1"]]', "[[[1]]]", "[[1]", "[[1e99]]"):
            self.real.write_text(text)
            self.fails(3, "score", "--result_path", self.results, "--datalist", self.list, "--real",
                       self.real, says="real.json")
        self.list.write_text("a.npz 3\n")
        self.results.write_text("file,top1,prob1\na.npz,3,.5\n")
        self.real.write_text("[[1]]")
        self.fails(3, "score", "--result_path", self.results, "--datalist", self.list, "--real", self.real,
                   says=["real.json", "ILSVRC2012_val"])


class Fold(View):
    def setUp(self):
        super().setUp()
        if not NOUNS.is_file():
            skip_loudly("no /usr/share/wordnet/data.noun (package wordnet-base): folding is NOT CHECKED")
        self.up, self.words = {}, {}
        for line in NOUNS.read_text().splitlines():
            if line[0] == " ":
                continue
            head = line.split("|")[0]
            wnid = "n" + head[:8]
            self.up[wnid] = ["n" + o for o in re.findall(r" @i? (\d{8}) n ", head)]
            count = int(head.split()[3], 16)
            self.words[wnid] = [w.replace("_", " ") for w in head.split()[4:4 + 2 * count:2]]

    def path(self, wnid):
        """The way of first hypernyms from the root."""
        way = [wnid]
        while self.up[way[0]]:
            way.insert(0, self.up[way[0]][0])
        return way

    def above(self, wnid):
        """{ancestor: fewest steps}"""
        found, todo = {}, [(wnid, 0)]
        for at, steps in todo:
            if at not in found:
                found[at] = steps
                todo += [(up, steps + 1) for up in self.up[at]]
        return found

    def check(self, spec, group):
        got = self.score("--fold", spec)
        groups = [group(w) for w in WNIDS]
        self.assert_score(got, self.percent(lambda r, top: groups[r[1]] in {groups[c] for c in top}))

    def test_levels(self):
        self.made()
        for level in (0, 1, 4, 7, 9, 12, 30):
            self.check(str(level), lambda w: self.path(w)[min(level, len(self.path(w)) - 1)])
        self.assertEqual(self.score("--fold", "0")["top1"], 100.0)
        self.assert_score(self.score("--fold", "30"), self.percent(lambda r, top: r[1] in top))

    def test_synsets(self):
        self.made()
        for spec, targets in (("dog", ["n02084071"]), ("n02084071,bird", ["n02084071", "n01503061"]),
                              ("dog,animal,artifact", ["n02084071", "n00015388", "n00021939"]),
                              ("Domestic_Dog, feline", ["n02084071", "n02120997"]), ("cat", ["n02121620"])):
            def group(wnid):
                above = self.above(wnid)
                return min((above[t], t) for t in targets if t in above)[1] if set(targets) & set(above) else wnid
            self.check(spec, group)

    def test_names(self):
        self.made(20)
        for spec, says in (("unicorn", "unicorn"), ("dog,,bird", "--fold"), ("plate", "n0"), ("tench", "tench"),
                           ("n99999999", "n99999999")):
            self.fails(2, "score", "--result_path", self.results, "--datalist", self.list, "--fold", spec,
                       says=["--fold", says])
        self.fails(2, "score", "--result_path", self.results, "--datalist", self.list, "--fold", "dog",
                   "--compat-vamp", says="--compat-vamp")
        self.results.write_text("file,top1,prob1\na.npz,3,.5\n")
        self.list.write_text("a.npz 3\n")
        self.fails(3, "score", "--result_path", self.results, "--datalist", self.list, "--fold", "dog",
                   "--label", self.names(), says="WordNet id")

    def test_the_table_is_wordnets(self):
        made = subprocess.run([sys.executable, ROOT / "tests/tool/wordnet_table.py", NOUNS,
                               ROOT / "dataset/imagenet.def"], capture_output=True, text=True, check=True)
        self.assertEqual(made.stdout, (ROOT / "dataset/wordnet.def").read_text())


class Runs(View):
    def test_stats_and_export(self):
        """Three pictures of which the network says one class: 8."""
        folder = self.tmp / "val"
        folder.mkdir()
        for i in (1, 2, 3):
            (folder / f"ILSVRC2012_val_{i:08}.JPEG").write_bytes((DATA / "pictures/rgb.jpg").read_bytes()[:-2]
                                                               + bytes([i]) + b"\xff\xd9")
        (self.tmp / "val_label.txt").write_text("1\n2\n3\n")
        head = self.head(MODEL, [9. if c == 8 else 0. for c in range(1000)])
        self.xlens("eval", "-m", MODEL, "--head", head, "--db", self.db, folder)
        self.assertEqual(self.document("stats", "--db", self.db)["top1"], 0.0)
        real = self.tmp / "real.json"
        real.write_text("[[5, 8], [], [3]]")
        got = self.document("stats", "--db", self.db, "--real", real)
        self.assertEqual((got["images"], got["labelled"], got["top1"]), (3, 2, 50.0))
        self.assertEqual([(p["truth"], p["predicted"]) for p in got["pairs"]], [(3, 8)])
        self.assertEqual((got["real"]["excluded"], got["real"]["right_by_neither"]), (1, 1))
        got = self.document("stats", "--db", self.db, "--fold", "bird,fish")
        # hen (8) is a bird; goldfish (1), great white shark (2) and tiger shark (3) are fish.
        self.assertEqual((got["labelled"], got["top1"], got["fold"]), (3, 0.0, "bird,fish"))
        self.assertEqual([c["label"].split(",")[0] for c in got["classes"]], ["fish", "bird"])
        self.assertEqual([p["count"] for p in got["pairs"]], [3])
        self.assertEqual(self.document("stats", "--db", self.db, "--fold", "animal", "--class",
                                       "animal")["top1"], 100.0)
        out, _ = self.xlens("stats", "--db", self.db, "--fold", "4", "--real", real)
        self.assertIn("right by both", out)
        out, _ = self.xlens("export", "--db", self.db, "--fold", "animal", "--filter", "right", "--format",
                            "csv", "-o", "-")
        rows = list(csv.DictReader(io.StringIO(out)))
        self.assertEqual({r["label_name"].split(",")[0] for r in rows}, {"animal"})
        got = self.document("export", "--db", self.db, "--real", real, "--filter", "wrong", "--format",
                            "datalist", "-o", self.tmp / "wrong.txt")
        self.assertEqual((got["rows"], got["real"]["excluded"]), (1, 1))
        self.assertTrue((self.tmp / "wrong.txt").read_text().endswith("00000003.JPEG 3\n"))
        page = self.xlens("export", "--db", self.db, "--real", real, "--fold", "bird,fish", "--format", "html",
                          "-o", "-")[0]
        self.assertIn("right by both labels", page)
        self.fails(2, "export", "--db", self.db, "--fold", "unicorn", "--format", "csv", "-o", "-", says="unicorn")
        self.fails(3, "stats", "--db", self.db, "--real", self.tmp / "none.json", says="none.json")


main()
