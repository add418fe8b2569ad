"""Options: help, wrong ones, numbers, where colours and progress go."""
import os

from harness import MODEL, CliTest, main, sanitized

COMMANDS = ("predict eval jobs valprep npz run score convert quantize info verify stats diff runs import "
            "merge export doctor").split()


class Options(CliTest):
    def test_help(self):
        for command in COMMANDS:
            out, err = self.xlens(command, "--help")
            self.assertEqual(err, "")
            self.expect(f"help_{command}.txt", out)
            self.assertLessEqual(max(map(len, out.splitlines())), 90)
        out, _ = self.xlens("--help")
        self.expect("help.txt", out)
        for command in COMMANDS:
            self.assertRegex(out, rf"\n  {command} ")

    def test_version(self):
        out, _ = self.xlens("--version")
        self.assertRegex(out, r"\Axlens \d+\.\d+\.\d+\n\Z")
        out, _ = self.xlens("--version", "-v", "--isa", "scalar")
        for what in ("commit", "build", "isa        scalar", "libraries", "sqlite3 3."):
            self.assertIn(what, out)
        self.assertIn("version", self.document("--version"))

    def test_wrong_options(self):
        for args, says in [
            (["eval", "--nosuch"], ["--nosuch", "xlens eval --help"]),
            (["--nosuch"], ["--nosuch", "xlens --help"]),
            (["predict", "-Z"], ["-Z"]),
            (["predict", "-m"], ["-m", "no value"]),
            (["predict", "--json=1"], ["--json=1", "no value"]),
            (["predict", "x.jpg"], ["no -m"]),
            (["predict", "-m", MODEL], ["no FILE"]),
            (["eval", "-m", MODEL], ["no DATASET"]),
            (["eval", "-m", MODEL, "a", "b"], ["b: one too many"]),
            (["export", "--format", "xls", "-o", "x"], ["xls", "csv jsonl datalist"]),
            (["export", "--format", "csv"], ["no -o"]),
            (["stats", "--by", "colour"], ["colour", "class pair bin"]),
            (["jobs", "halt", "1"], ["halt", "stop, pause or resume"]),
            (["jobs", "stop"], ["stop", "ID"]),
            (["jobs", "stop", "x"], ["x", "ID"]),
            (["runs", "remove", "1"], ["remove", "rm"]),
            (["info", "--color", "blue", "."], ["blue", "auto never always"]),
            (["info", "--isa", "neon", "."], ["neon"]),
            (["predict", "-m", MODEL, "--precision", "fp4", "x"], ["fp4", "float32"]),
            (["--evaluate", "."], ["--evaluate", "-m"]),
        ]:
            self.fails(2, *args, says=says)
        self.fails(2, "info", ".", says="sse9", env={"XLENS_ISA": "sse9"})

    def test_numbers(self):
        eval_on = ["eval", "-m", MODEL, "."]
        for args in [["--threads", "0"], ["--threads", "-1"], ["--threads", "abc"],
                     ["--threads", "1.5"], ["--threads", "9" * 30], ["--threads", ""],
                     ["--threads", " 2"], ["--threads", "2000"],
                     ["--limit", "0"], ["--limit", "-5"], ["--limit", "1e3"],
                     ["--until", "0"], ["--until", "±0"], ["--until", "-1"], ["--until", "nan"],
                     ["--until", "inf"], ["--until", "±"], ["--until", "99"],
                     ["--min-top1", "101"], ["--min-top1", "-0.1"], ["--min-top1", "nan"],
                     ["--min-top1", "1e999"], ["--shard", "3/2"], ["--shard", "1/0"],
                     ["--shard", "x"], ["--shard", "1"], ["--shard", "auto"],
                     ["-s", "[1,75,75]"], ["-s", "[3,0,75]"], ["-s", "75"], ["-s", "[3,75,75"],
                     ["-s", "3,75,75]"], ["-s", "[3,75,99999999999]"], ["-s", "[3,-75,75]"]]:
            err = self.fails(2, *eval_on, *args)
            self.assertIn(args[0], err)
            self.assertIn(args[1], err)
        for k in ("0", "-1", "five", "1" * 20):
            self.fails(2, "predict", "-m", MODEL, "x.jpg", "-k", k, says=["-k", k])

    def test_forms_are_equal(self):
        picture = self.pictures() / "bee/00.jpg"
        want, _ = self.xlens("predict", "-m", MODEL, "-k", "2", picture)
        for args in [["--model", MODEL, "-k2"], [f"--model={MODEL}", "--topk=2"],
                     ["-qk", "2", f"-m{MODEL}"], ["-k", "9", "-m", MODEL, "--topk", "2"]]:
            self.assertEqual(self.xlens("predict", *args, picture)[0], want)
        self.assertEqual(self.xlens("predict", picture, "-k2", "-m", MODEL, "--")[0], want)
        odd = self.tmp / "-odd.jpg"
        odd.write_bytes(picture.read_bytes())
        self.assertIn("-odd.jpg", self.xlens("predict", "-m", MODEL, "--", "-odd.jpg")[0])
        self.xlens("npz", "--dataset-path", picture.parent, "--target-path", self.tmp / "t")

    def test_colours(self):
        picture = self.pictures() / "bee/00.jpg"
        args = ["predict", "-m", MODEL, picture]
        self.assertNotIn("\33", self.xlens(*args)[0])
        self.assertIn("\33[", self.xlens(*args, "--color", "always")[0])
        self.assertIn("\33[", self.xlens(*args, "--color=always", env={"NO_COLOR": "1"})[0])
        _, err = self.xlens("info", "nowhere", "--color", "always", status=3)
        self.assertIn("\33[", err)

    def test_progress_only_on_a_terminal(self):
        many = self.many(300)
        args = ["eval", "-m", MODEL, "--db", self.db, many, "-s", "[3,150,150]", "--rerun"]
        self.assertEqual(self.xlens(*args)[1], "")
        seen, status = self.on_terminal(*args)
        self.assertEqual(status, 0)
        self.assertRegex(seen, r"\[#*\.*\] \d+/300 +\d+\.\d/s ETA \d+:\d\d  top-1 \d+\.\d \[")
        self.assertNotIn("\n", seen)
        self.assertEqual(self.on_terminal(*args, "-q"), ("", 0))

    def test_colours_of_a_terminal(self):
        seen, _ = self.on_terminal("info", "nowhere")
        self.assertIn("\33[", seen)
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\33", self.on_terminal("info", "nowhere", env=env)[0])
        self.assertNotIn("\33", self.on_terminal("info", "nowhere", "--color", "never")[0])

    def test_explorer(self):
        """Opens with each of its options, and leaves at once on Q."""
        root = self.pictures()
        head, names, model = self.head(MODEL, [0, 1]), self.names(2), MODEL
        if sanitized():
            # Its allocator does not survive a fork beside other threads (glibc's does), so
            # the model must be one that no forked process reads.
            model = self.tmp / "native.safetensors"
            self.xlens("convert", "-m", MODEL, "-o", model)
        for args in [[root], [root, "-m", model, "--evaluate", "--db", self.db],
                     [root, "--model", model, "--arch", "keras_xception", "--head", head,
                      "--precision", "float32", "--preprocess", "keras", "-s", "[3,75,75]",
                      "--label", names, "--db", self.db, "--ascii"]]:
            seen, status = self.on_terminal(*args, everything=True, keys=b"Q")
            self.assertEqual(status, 0, seen)
            self.assertIn("\33[", seen)
        self.assertTrue("--ascii" in args and seen.isascii())

    def test_verbose(self):
        picture = self.pictures() / "bee/00.jpg"
        _, err = self.xlens("predict", "-m", MODEL, picture, "-v", "--threads", "1",
                            "--isa", "scalar")
        for what in ("keras_xception", "10 classes", "scalar", "preset keras at 75x75",
                     "1 threads", "MiB"):
            self.assertIn(what, err)


main()
