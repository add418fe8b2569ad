"""xlens export for FiftyOne and as a page, on pictures with hostile names."""
import base64, csv, html.parser, io, json, os, re, shutil, sqlite3, struct, subprocess

from harness import DATA, LABEL_NAMES, MODEL, CliTest, main, sanitized, skip_loudly

HOSTILE = ["<img src=x onerror=alert(1)>.png", "a&b \"q\" 'r'.png", "line\nbreak\x01.png", "cut\udcff.png",
           "\u202egnp.exe.png", "<script>alert(2)<\\script>.png"]
CLASSES = ["cat", "<b>dog</b>", "cow", "hen", "pig", "rat", "fox", "owl", "</title><i>bee", "ant & co"]
VOID = {"meta", "img", "input", "br"}


class Page(html.parser.HTMLParser):
    """What a browser would make of it: tags must nest, and nothing may be fetched."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.open, self.texts, self.titles = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.titles += [v for k, v in attrs if k == "title"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data.strip())

    def all(self, tag):
        return [attrs for t, attrs in self.tags if t == tag]


class Export(CliTest):
    def setUp(self):
        super().setUp()
        self.root = self.pictures(broken=True)
        for name in HOSTILE:
            (self.root / "dog" / name).write_bytes((DATA / "pictures/rgb.png").read_bytes())
        self.classes = self.tmp / "classes.txt"
        self.classes.write_text("\n".join(CLASSES) + "\n")
        listed = self.tmp / "set.csv"
        with open(listed, "w", errors="surrogateescape", newline="") as f:
            rows = csv.writer(f)
            rows.writerow(["file", "label"])
            for path in sorted(self.root.rglob("*.*")):
                rows.writerow([path.relative_to(self.tmp), 8 if "bee" in str(path.parent) else 1])
            rows.writerow(["./set/bee/00.jpg", ""])  # unlabelled, and a name in another form
        self.xlens("eval", "-m", MODEL, "--db", self.db, "--label", self.classes, listed, status=1)

    def export(self, *args, **kw):
        return self.xlens("export", "--db", self.db, "--label", self.classes, *args, **kw)

    def table(self):
        out = self.export("--format", "csv", "-o", "-", text=False)[0]
        return list(csv.DictReader(io.StringIO(out.decode("utf-8", "surrogateescape"), newline="")))


class FiftyOne(Export):
    # What fiftyone.utils.data.importers.FiftyOneImageClassificationDatasetImporter does with
    # the files, read in fiftyone 1.22.
    @staticmethod
    def imported(folder, labels="labels.json"):
        media = {os.path.splitext(p.relative_to(folder / "data"))[0]: os.path.realpath(p)
                 for p in (folder / "data").rglob("*") if not p.is_dir()}
        document = json.loads((folder / labels).read_text())
        samples = {}
        for key, target in document["labels"].items():
            path = key if os.path.isabs(key) else media[key]
            confidence = None
            if isinstance(target, dict):
                target, confidence = target["label"], target["confidence"]
            samples[path] = (None if target is None else document["classes"][target], confidence)
        return samples

    def test_folder(self):
        out = self.tmp / "fo"
        got = self.document("export", "--db", self.db, "--label", self.classes, "--format", "fiftyone",
                            "-o", out)
        rows = self.table()
        self.assertEqual(got["rows"], len(rows))
        self.assertEqual(sorted(p.name for p in out.iterdir()),
                         ["data", "labels.json", "predictions.json"])
        truth, guesses = self.imported(out), self.imported(out, "predictions.json")
        self.assertEqual(len(truth), len({os.path.normpath(r["file"]) for r in rows}))
        for row in rows:
            path = os.path.normpath(self.tmp / row["file"])
            self.assertTrue(os.path.exists(path), path)
            if row["file"].startswith("./"):
                continue
            self.assertEqual(truth[path], (CLASSES[int(row["label"])], None))
            name, confidence = guesses[path]
            self.assertEqual(name, CLASSES[int(row["top1"])] if row["top1"] else None)
            if name:
                self.assertAlmostEqual(confidence, float(row["prob1"]), 6)
        self.fails(2, "export", "--db", self.db, "--format", "fiftyone", "-o", out, says="--force")
        self.fails(2, "export", "--db", self.db, "--format", "fiftyone", "-o", "-", says="stdout")
        os.remove(out / "data/set/bee/00.jpg")
        os.symlink("elsewhere", out / "data/set/bee/00.jpg")
        os.remove(out / "labels.json")
        self.fails(2, "export", "--db", self.db, "--format", "fiftyone", "-o", out, says="00.jpg")
        self.export("--format", "fiftyone", "-o", out, "--force", "--filter", "right")
        self.assertEqual(set(self.imported(out).values()),
                         {(CLASSES[int(r["label"])], None) for r in rows if r["top1"] and r["top1"] == r["label"]})

    def test_two_pictures_with_one_stem(self):
        root = self.tmp / "twins"
        root.mkdir()
        shutil.copy(DATA / "pictures/rgb.jpg", root / "a.jpg")
        shutil.copy(DATA / "pictures/rgb.jpg", root / "a.k.jpg")
        shutil.copy(DATA / "pictures/rgb.png", root / "a.png")
        self.xlens("eval", "-m", MODEL, "--db", self.db, root)
        self.xlens("export", "--db", self.db, "--format", "fiftyone", "-o", self.tmp / "fo")
        self.assertEqual(set(self.imported(self.tmp / "fo", "predictions.json")),
                         {str(root / n) for n in ("a.jpg", "a.k.jpg", "a.png")})

    def test_one_file(self):
        out = self.tmp / "fo.json"
        self.export("--format", "fiftyone", "-o", out)
        document = json.loads(out.read_text())
        self.assertTrue(all(os.path.exists(k) for k in document["labels"]))
        self.assertEqual(document["classes"], CLASSES)

    def test_names_that_two_classes_bear(self):
        names = self.tmp / "twins.txt"
        names.write_text("".join(f"{'crane' if i in (2, 5) else n}\n" for i, n in enumerate(LABEL_NAMES)))
        self.xlens("export", "--db", self.db, "--label", names, "--format", "fiftyone", "-o", self.tmp / "t.json")
        classes = json.loads((self.tmp / "t.json").read_text())["classes"]
        self.assertEqual((classes[2], classes[5]), ("crane", "crane (5)"))

    def test_by_fiftyone_itself(self):
        python = os.environ.get("XLENS_FIFTYONE_PYTHON")
        if not python:
            skip_loudly("XLENS_FIFTYONE_PYTHON names no Python with fiftyone in it")
        out = self.tmp / "fo"
        self.export("--format", "fiftyone", "-o", out)
        script = """
import json, os, sys
from fiftyone.utils.data.importers import FiftyOneImageClassificationDatasetImporter as Importer
found = {}
for name in ("labels.json", "predictions.json"):
    with Importer(dataset_dir=sys.argv[1], labels_path=name) as importer:
        found[name] = {os.path.realpath(path): label and [label.label, label.confidence] for path, _, label in importer}
print(json.dumps(found))"""
        done = subprocess.run([python, "-c", script, out], capture_output=True, text=True,
                              env={**self.env, "FIFTYONE_DATABASE_VALIDATION": "false"})
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout.splitlines()[-1])
        for name, samples in found.items():
            self.assertEqual({k: tuple(v or (None, None)) for k, v in samples.items()},
                             self.imported(out, name))


class Html(Export):
    def page(self, *args):
        out = self.tmp / "page.html"
        self.export("--format", "html", "-o", out, "--force", *args)
        text = out.read_bytes().decode()  # UTF-8, whatever the names are
        return out, text, Page(text)

    def test_nothing_is_fetched_or_run(self):
        _, text, page = self.page()
        for tag, attrs in page.tags:
            for name, value in attrs.items():
                self.assertFalse(name.startswith("on"), (tag, attrs))
                if name in ("src", "href", "data", "action", "srcset", "poster"):
                    self.assertTrue(value.startswith("data:image/jpeg;base64,"), (tag, value))
        self.assertEqual(len(page.all("script")), 1)
        self.assertNotIn("http://", text.replace("http-equiv", ""))
        self.assertNotIn("https://", text)
        self.assertNotIn("@import", text)
        self.assertNotIn("url(", text)
        policy = next(a["content"] for a in page.all("meta") if "http-equiv" in a)
        self.assertIn("default-src 'none'", policy)
        self.assertIn("prefers-color-scheme: dark", text)

    def test_hostile_names_are_shown_as_they_are(self):
        _, text, page = self.page()
        shown = page.texts + page.titles
        for part in ("<img src=x onerror=alert(1)>.png", "a&b \"q\" 'r'.png", "line␊break␁.png",
                     "cut\ufffd.png", "[U+202E]gnp.exe.png", "<b>dog</b>", "</title><i>bee"):
            self.assertTrue(any(part in s for s in shown), part)
        self.assertFalse(re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text))

    def test_figures(self):
        rows = self.table()
        scored = [r for r in rows if r["top1"] and r["label"]]
        stats = self.document("stats", "--db", self.db, "--label", self.classes)
        _, text, page = self.page()
        for key in ("top1", "top5"):
            self.assertIn(f"{stats[key]:.2f}", page.texts)
            self.assertIn(f"{stats[key + '_low']:.2f} – {stats[key + '_high']:.2f} at 95 %",
                          "".join(page.texts))
        self.assertIn(f"{100 * stats['ece']:.2f}", page.texts)
        wrong = [r for r in scored if r["top1"] != r["label"]]
        self.assertTrue(wrong)
        self.assertEqual(len(page.all("figure")), len(wrong))
        self.assertEqual(text.count("class=\"meter\""), len({(r["label"], r["top1"]) for r in wrong}))
        used = {r["label"] for r in scored} | {r["top1"] for r in scored}
        body = text[text.index("id=\"classes\""):].split("</table>")[0]
        self.assertEqual(body.count("<tr><td"), len(used))
        for fact in ("model.keras", "keras_xception", "float32", "keras/75x75", "set.csv"):
            self.assertTrue(any(fact in s for s in page.texts), fact)
        failed = text[text.index("id=\"failures\""):]
        self.assertEqual(failed.count("<tr>"), sum(r["error"] != "" for r in rows))

    def test_thumbnails_are_small_jpegs(self):
        _, _, page = self.page()
        for attrs in page.all("img"):
            data = base64.b64decode(attrs["src"].split(",", 1)[1], validate=True)
            self.assertEqual((data[:3], data[-2:]), (b"\xff\xd8\xff", b"\xff\xd9"))
            at = 2
            while data[at + 1] not in (0xc0, 0xc1, 0xc2):  # to the frame header
                at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
            self.assertLessEqual(max(struct.unpack(">HH", data[at + 5:at + 9])), 224)
        shutil.rmtree(self.root)
        _, text, page = self.page()
        self.assertEqual(page.all("img"), [])
        self.assertIn("no picture", page.texts)

    def test_empty_and_perfect(self):
        _, text, page = self.page("--filter", "class=cow")
        self.assertIn("Nothing is wrong.", page.texts)
        self.assertIn("–", page.texts)
        self.page("--filter", "right")
        self.assertEqual(self.export("--format", "html", "-o", "-", "--filter", "class=cow")[0], text)

    def test_same_rows_same_page(self):
        self.assertEqual(self.page()[1], self.page()[1])

    def test_in_a_browser(self):
        browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if not browser:
            skip_loudly("no chromium: the page was not rendered")
        out, text, _ = self.page()
        probe = ("<script>document.querySelectorAll('th button')[3].click();"
                 "document.title = 'sorted ' + [...document.querySelectorAll('.sortable tbody tr')]"
                 ".map((r) => r.cells[3].dataset.v || '-').join(' ') + ' width '"
                 "+ document.documentElement.scrollWidth;</script>")
        out.write_text(text.replace("</body>", probe + "</body>"))
        common = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                  f"--user-data-dir={self.tmp}/profile", "--window-size=1200,900",
                  "--enable-logging=stderr", "--v=0"]
        run = dict(capture_output=True, text=True, timeout=120, env=self.env, errors="replace")
        done = subprocess.run([*common, "--dump-dom", f"file://{out}"], **run)
        self.assertEqual(done.returncode, 0, done.stderr)
        title = re.search("<title>sorted ([^<]*) width (\\d+)</title>", done.stdout)
        counts = [float(v) for v in title[1].split() if v != "-"]
        self.assertEqual(counts, sorted(counts, reverse=True))
        self.assertGreater(len(set(counts)), 1)
        self.assertLessEqual(int(title[2]), 1200, "wider than the window")
        self.assertNotIn("CONSOLE", done.stderr)
        shot = self.tmp / "shot.png"
        subprocess.run([*common, f"--screenshot={shot}", f"file://{out}"], check=True, **run)
        data = shot.read_bytes()
        self.assertEqual(struct.unpack(">II", data[16:24]), (1200, 900))
        self.assertGreater(len(data), 20000, "an empty page")


class Memory(Export):
    # Rows are read in chunks of 131072 (cache/rows.c); both sets fill one, so what grows from the
    # one to the other is what an export keeps of each row.
    FEW, MANY = 140_000, 280_000

    def fill(self, rows):
        """Gives the run so many rows in all, with names of 60 bytes."""
        db = sqlite3.connect(self.db)
        with db:
            run, = db.execute("SELECT id FROM run").fetchone()
            picture, = db.execute("SELECT max(picture) FROM run_row").fetchone()
            last, = db.execute("SELECT max(key) FROM run_row").fetchone()
            db.execute("WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)"
                       " INSERT INTO run_row SELECT i, ?3, i % 10, printf('%056d.jpg', i & 0xffffffff), NULL"
                       " FROM n", (last + 1, (run << 32) + rows - 1, picture))
        db.close()

    def peak(self, form, out):
        process = self.start("export", "--db", self.db, "--format", form, "-o", self.tmp / out, "--force")
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0, process.stderr.read())
        process.communicate()
        (self.tmp / out).unlink()
        return usage.ru_maxrss / 1024

    def test_does_not_grow_with_the_rows(self):
        if sanitized():
            skip_loudly("a sanitizer keeps freed memory: nothing can be said of its size")
        kinds = [("confusion", "m.csv"), ("npz", "t.npz"), ("fiftyone", "f.json"), ("html", "p.html")]
        self.fill(self.FEW)
        few = [self.peak(*kind) for kind in kinds]
        self.fill(self.MANY)
        # All rows at once would be 140,000 rows and their names more: 18 MiB. Under half of that is
        # left to what the allocator and SQLite differ by.
        for kind, before in zip(kinds, few):
            self.assertLess(self.peak(*kind), before + 8, kind)


main()
