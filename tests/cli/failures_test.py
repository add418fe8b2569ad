"""Bad input, bad places, bad moments: one clear line and the right exit status."""
import os, pathlib, shutil, signal, sqlite3, subprocess, threading, time

from harness import DATA, MODEL, XLENS, CliTest, main, skip_loudly


class Failures(CliTest):
    def test_models(self):
        root = self.pictures()
        text, cut, other = (self.tmp / n for n in ("t.keras", "c.keras", "o.keras"))
        text.write_text("this is no model\n")
        cut.write_bytes(pathlib.Path(MODEL).read_bytes()[:100000])
        shutil.copy(DATA / "npz/types.npz", other)
        for model in (text, cut, other, DATA / "pictures/rgb.jpg", root, "nowhere.keras"):
            for command in (["eval", root, "--db", self.db], ["predict", root / "bee/00.jpg"]):
                self.fails(3, *command, "-m", model, says=os.path.basename(model))
        self.assertFalse(os.path.exists(self.db))
        for status, *args in ((3, "--head", text), (3, "--head", "nowhere"),
                              (2, "--arch", "resnet50"), (3, "--precision", "int8")):
            self.fails(status, "eval", root, "-m", MODEL, "--db", self.db, *args, says=str(args[1]))

    def test_label_files(self):
        root = self.pictures()
        for command in (["eval", root, "--db", self.db], ["predict", root / "bee/00.jpg"]):
            self.fails(3, *command, "-m", MODEL, "--label", self.names(7),
                       says=["names7.txt", " 7 ", " 10 "])
            self.fails(3, *command, "-m", MODEL, "--label", "nowhere.txt", says="nowhere.txt")
        self.xlens("eval", root, "-m", MODEL, "--db", self.db)
        self.fails(3, "stats", "--db", self.db, "--label", self.names(7), says=["7", "10"])

    def test_datasets(self):
        empty = self.tmp / "empty.csv"
        empty.write_text("name,class\n")
        for path in ("nowhere", empty):
            self.fails(3, "eval", "-m", MODEL, "--db", self.db, path, says=os.path.basename(path))
            self.fails(3, "npz", "--dataset_path", path, "--target_path", self.tmp / "t")
            self.fails(3, "info", "nowhere", says="nowhere")
            self.fails(3, "verify", self.tmp / "nowhere.csv", says="nowhere.csv")
        self.fails(3, "nowhere", says="nowhere")
        self.fails(2, "stats", "nowhere", says="nowhere")

    def test_databases(self):
        root = self.pictures()
        for command in (["stats"], ["runs"], ["jobs"], ["export", "--format", "csv", "-o", "-"]):
            self.fails(3, *command, "--db", self.tmp / "no.db", says="no.db")
        text = self.tmp / "text.db"
        text.write_text("this is no database, but long enough to be taken for one\n" * 99)
        for command in (["runs"], ["eval", "-m", MODEL, root]):
            err = self.fails(3, *command, "--db", text, says="text.db")
        self.xlens("eval", "-m", MODEL, root, "--db", self.db)
        with sqlite3.connect(self.db) as newer:
            newer.execute("PRAGMA user_version = 9999")
        newer.close()
        for command in (["runs"], ["eval", "-m", MODEL, root]):
            self.fails(3, *command, "--db", self.db, says="x.db")

    def test_locked_database(self):
        """Waits for the other, but not for ever."""
        root = self.pictures()
        args = ["eval", "-m", MODEL, root, "--db", self.db]
        self.xlens(*args)
        lock = sqlite3.connect(self.db, isolation_level=None, check_same_thread=False)
        lock.execute("BEGIN EXCLUSIVE")
        self.fails(4, *args, "--rerun", says=["x.db", "locked"])
        threading.Timer(1, lambda: lock.execute("ROLLBACK")).start()
        self.assertEqual(self.document(*args)["from_cache"], 12)
        lock.close()

    def test_no_terminal(self):
        err = self.fails(2, self.pictures())
        self.assertIn("terminal", err)

    def test_full_disk(self):
        root = self.pictures()
        with open("/dev/full", "w") as full:
            for args in (["predict", "-m", MODEL, root / "bee/00.jpg"], ["--help"],
                         ["info", MODEL, "--json"], ["--version"]):
                with self.start(*args, stdout=full) as process:
                    _, err = process.communicate()
                self.assertEqual(process.returncode, 4)
                self.assertEqual(err, b"xlens: stdout: cannot write: No space left on device\n")

    def on_small_disk(self):
        if os.geteuid() != 0:
            skip_loudly("a full disk needs root to mount a small one")
        disk = self.tmp / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk],
                          stderr=subprocess.DEVNULL).returncode:
            skip_loudly("cannot mount a small disk here")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        return disk

    def test_small_disk(self):
        disk = self.on_small_disk()
        root = self.pictures()
        self.fails(4, "npz", "--dataset_path", root, "--target_path", disk / "t",
                   "--preprocessed", says="No space left")
        self.assertEqual([p for p in disk.rglob("*") if "tmp" in p.name], [])
        shutil.rmtree(disk / "t", ignore_errors=True)
        (disk / "fill").write_bytes(b"x" * 150000)
        self.fails(4, "convert", "-m", MODEL, "-o", disk / "n.safetensors", says="n.safetensors")
        self.assertEqual([p.name for p in disk.iterdir()], ["fill"])
        self.fails(4, "eval", "-m", MODEL, root, "--db", disk / "x.db", says="x.db")

    def test_no_permission(self):
        if os.geteuid() == 0:
            skip_loudly("root may read everything")
        root = self.pictures()
        os.chmod(root / "bee/00.jpg", 0)
        got = self.document("eval", "-m", MODEL, root, "--db", self.db, status=1)
        self.assertEqual(got["failed"], 1)
        os.chmod(root, 0)
        self.addCleanup(os.chmod, root, 0o700)
        self.fails(4, "eval", "-m", MODEL, root, "--db", self.db)

    def test_a_picture_that_comes_back(self):
        """What could not be read is tried again; what is damaged is known."""
        root = self.pictures(broken=True)
        table = self.tmp / "t.csv"
        table.write_text(f"file,label\n{root}/bee/broken.jpg,0\n{root}/bee/gone.jpg,1\n")
        args = ["eval", "-m", MODEL, table, "--db", self.db]
        self.assertEqual(self.document(*args, status=1)["failed"], 2)
        got = self.document(*args, status=1)
        self.assertEqual((got["failed"], got["from_cache"]), (2, 1))
        shutil.copy(root / "bee/00.jpg", root / "bee/gone.jpg")
        self.assertEqual(self.document(*args, status=1)["failed"], 1)

    def test_closed_streams(self):
        picture = self.pictures() / "bee/00.jpg"
        shell = f'exec "{XLENS}" predict -m "{MODEL}" "{picture}" '
        done = subprocess.run(["sh", "-c", shell + ">&-"], env=self.env, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stderr, rb"\Axlens: stdout: [^\n]+\n\Z")
        done = subprocess.run(["sh", "-c", shell + "<&-"], env=self.env, stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 0)
        done = subprocess.run(["sh", "-c", shell + "nowhere.jpg 2>&-"], env=self.env,
                              stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        done = subprocess.run(["sh", "-c", f'"{XLENS}" predict -m "{MODEL}" - <&-'], env=self.env,
                              stderr=subprocess.PIPE)
        self.assertIn(done.returncode, (1, 4))
        self.assertRegex(done.stderr, rb"\Axlens: -: [^\n]+\n\Z")

    def test_a_reader_that_goes(self):
        """The end of a pipe's reader ends the program, quietly."""
        root = self.pictures()
        command = f'"{XLENS}" predict -m "{MODEL}" {root}/*/* ; echo $? >&3'
        done = subprocess.run(["sh", "-c", f"{{ {command} ; }} 3>status | head -1"], env=self.env,
                              cwd=self.tmp, capture_output=True, text=True)
        self.assertEqual(done.stdout, f"{root}/bee/00.jpg\n")
        self.assertEqual(done.stderr, "")
        self.assertIn(int((self.tmp / "status").read_text()), (0, 128 + signal.SIGPIPE))

    def test_what_is_no_file_stays_what_it_is(self):
        """A pipe or a device is written to, a link leads on; neither makes way for a file."""
        self.xlens("eval", "-m", MODEL, self.pictures(), "--db", self.db)
        export = ["export", "--db", self.db, "--format", "csv", "-o"]
        want, _ = self.xlens(*export, "-")
        pipe, link, real = (self.tmp / n for n in ("pipe", "link", "real.csv"))
        os.mkfifo(pipe)
        got = []
        reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
        reader.start()
        self.xlens(*export, pipe, "--force")
        reader.join()
        self.assertTrue(pipe.is_fifo())
        real.write_text("old")
        link.symlink_to("real.csv")
        self.fails(2, *export, link, says="exists already")
        self.xlens(*export, link, "--force")
        self.assertTrue(link.is_symlink())
        self.assertEqual((got, real.read_text()), ([want], want))
        self.assertEqual([p for p in self.tmp.iterdir() if "tmp" in p.name], [])

    def test_line_breaks_in_names(self):
        """Formats of lines leave such a picture out, or name it on one line."""
        root, out, listed = self.tmp / "set", self.tmp / "t", self.tmp / "list.txt"
        root.mkdir()
        for name in ("a\nb.jpg", "c.jpg"):
            shutil.copy(DATA / "pictures/rgb.jpg", root / name)
        _, err = self.xlens("npz", "--dataset_path", root, "--target_path", out, "--text_path", listed,
                            status=1)
        self.assertEqual(len(err.splitlines()), 1)
        self.assertEqual(listed.read_text(), f"{out}/set/c.npz\n")
        got = self.document("npz", "--dataset_path", root, "--target_path", out)
        self.assertEqual((got["written"], got["kept"]), (1, 1))
        relay = self.tmp / "relay.txt"
        self.xlens("eval", "-m", MODEL, root, "--db", self.db, "--result_txt", relay)
        lines = relay.read_text().splitlines()
        self.assertEqual(len(lines), 10)
        self.assertTrue(lines[0].startswith("a?b.jpg: Relay top-0 id: "), lines[0])

    def test_text_called_a_model(self):
        for name in ("m.pth", "m.onnx", "m.safetensors"):
            (self.tmp / name).write_text("this is no model\n")
            self.fails(3, "info", self.tmp / name, says=[name, "expected a model"])
        self.assertIn("12", self.xlens("info", self.pictures())[0])

    def test_messages_are_one_line(self):
        odd = self.tmp / "a\nb\x1b[31m.jpg"
        odd.write_bytes(b"nothing")
        _, err = self.xlens("predict", "-m", MODEL, odd, status=1)
        self.assertEqual(len(err.splitlines()), 1)
        self.assertNotIn("\x1b", err)


main()
