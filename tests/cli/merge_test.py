"""xlens merge: what eval --shard wrote, joined, is what one evaluation writes."""
import os, pathlib, sqlite3, time

from harness import MODEL, CliTest, main


class Merge(CliTest):
    def setUp(self):
        super().setUp()
        self.root = self.pictures(broken=True)
        self.label = self.names()

    def evaluate(self, db, *args, status=1, root=None, label=True):
        self.xlens("eval", "-m", MODEL, "--db", db, "--name", "n", *args,
                   *(["--label", self.label] if label else []), root or self.root, status=status)

    def shards(self, n=3):
        paths = [str(self.tmp / f"shard{i}.db") for i in range(1, n + 1)]
        for i, path in enumerate(paths, 1):
            self.evaluate(path, "--shard", f"{i}/{n}", status=1 if i == n else 0)
        return paths

    def stats(self, db):
        got = self.document("stats", "--db", db)
        return {k: v for k, v in got.items() if k not in ("run", "name")}

    def export(self, db):
        return self.xlens("export", "--db", db, "--format", "csv", "-o", "-", text=False)[0]

    def test_shards_are_the_whole(self):
        self.evaluate(self.db)
        paths, out = self.shards(), str(self.tmp / "all.db")
        got = self.document("merge", "--db", out, *paths)
        self.assertEqual(got, {"db": out, "runs_added": 1, "rows": 13, "rows_added": 13,
                               "pictures_added": 13})
        for _ in range(2):
            self.assertEqual(self.stats(out), self.stats(self.db))
            self.assertEqual(self.export(out), self.export(self.db))
            run = self.document("runs", "--db", out)["runs"][0]
            self.assertEqual((run["state"], len(run["sources"])), ("complete", 3))
            self.assertEqual([s["path"] for s in run["sources"]], paths)
            self.assertEqual(sum(s["rows"] for s in run["sources"]), 13)
            for source in run["sources"]:
                self.assertEqual(source["host"], os.uname().nodename)
                self.assertLess(abs(source["merged"] - time.time()), 600)
            got = self.document("merge", "--db", out, *paths)
            self.assertEqual((got["rows_added"], got["pictures_added"]), (0, 0))
        # Nothing is left to compute.
        got = self.document("eval", "-m", MODEL, "--db", out, "--label", self.label, self.root,
                            status=1)
        self.assertEqual((got["from_cache"], got["images"]), (13, 13))
        self.assertEqual(sorted(p.name for p in self.tmp.glob("all.db*")), ["all.db"])

    def test_one_by_one(self):
        self.evaluate(self.db)
        out = str(self.tmp / "all.db")
        for path in reversed(self.shards()):
            text, _ = self.xlens("merge", "--db", out, path)
        self.assertIn("all.db: 4 rows read, 4 added, 0 new runs", text)
        self.assertEqual(self.export(out), self.export(self.db))
        self.assertEqual(self.stats(out), self.stats(self.db))

    def test_refusals(self):
        paths, out = self.shards(2), str(self.tmp / "all.db")
        other = str(self.tmp / "other.db")
        self.evaluate(other, "--preprocess", "xception")
        err = self.fails(2, "merge", "--db", out, paths[0], other, says=["--mixed", "xception"])
        self.assertFalse(pathlib.Path(out).exists())
        self.xlens("merge", "--db", out, "--mixed", paths[0], other)
        self.assertEqual(len(self.document("runs", "--db", out)["runs"]), 2)
        before = self.document("runs", "--db", out)
        self.fails(2, "merge", "--db", out, paths[1], says="--mixed")
        self.fails(3, "merge", "--db", out, "--mixed", paths[1], self.tmp / "none.db",
                   says="none.db")
        self.fails(2, "merge", "--db", out, out, says="merge into")
        self.fails(2, "merge", paths[0], says="--db")
        self.fails(2, "merge", "--db", out, says="SHARD")
        text = self.tmp / "text.db"
        text.write_text("no database " * 100)
        self.fails(3, "merge", "--db", out, "--mixed", text, says="not a SQLite database")
        text.write_bytes(b"")
        self.fails(3, "merge", "--db", out, "--mixed", text, says="is empty")
        self.assertEqual(text.stat().st_size, 0)
        # Another dataset under the same name: one picture more.
        (self.root / "bee/00a.jpg").write_bytes((self.root / "bee/00.jpg").read_bytes())
        self.evaluate(str(self.tmp / "more.db"))
        self.fails(3, "merge", "--db", out, "--mixed", self.tmp / "more.db", says="14 pictures")
        with sqlite3.connect(paths[1]) as db:
            db.execute("PRAGMA user_version = 1000")
        self.fails(3, "merge", "--db", out, "--mixed", paths[1], says="newer xlens")
        self.assertEqual(self.document("runs", "--db", out), before)
        self.assertEqual(sorted(p.name for p in self.tmp.glob("all.db*")), ["all.db"])

    def test_a_locked_database_waits_as_long_as_told(self):
        paths = self.shards(2)
        self.xlens("merge", "--db", self.db, paths[0])
        other = sqlite3.connect(self.db)
        other.execute("BEGIN IMMEDIATE")
        start = time.monotonic()
        self.fails(4, "merge", "--db", self.db, paths[1], env={"XLENS_BUSY_MS": "300"},
                   says="locked")
        self.assertLess(time.monotonic() - start, 5)
        other.rollback()
        self.fails(2, "runs", "--db", self.db, env={"XLENS_BUSY_MS": "soon"}, says="XLENS_BUSY_MS")
        self.xlens("merge", "--db", self.db, paths[1], env={"XLENS_BUSY_MS": "0"})


main()
