"""doctor on a small model whose answers are known, and what it says of a terminal."""
import fcntl, os, pty, select, shutil, struct, termios, time

from harness import DATA, MODEL, CliTest, main

AXES = ["labels", "values", "channels", "resize", "filter"]


class Doctor(CliTest):
    def constant(self, index=3):
        """A model that says class `index` of ten whatever it sees."""
        return ["-m", MODEL, "--head", self.head(MODEL, [8. if i == index else 0. for i in range(10)])]

    def labelled(self, *labels):
        """A csv of as many pictures."""
        root = self.pictures()
        files = sorted(p.relative_to(root) for p in root.rglob("*.*g"))
        (root / "set.csv").write_text("file,label\n" + "".join(
            f"{f},{label}\n" for f, label in zip(files, labels)))
        return root / "set.csv"

    def axes(self, *args, **kw):
        got = self.document("doctor", *args, **kw)
        self.assertEqual([a["axis"] for a in got["axes"]], AXES)
        return got, {a["axis"]: a for a in got["axes"]}

    def test_document(self):
        """Nothing about a picture changes what is said, so nothing can be told."""
        got, axes = self.axes(*self.constant(), self.labelled(*[3] * 8, 4, 5, "", ""))
        self.assertEqual({k: got[k] for k in ("images", "labelled", "failed", "fits", "change",
                                              "preprocess", "flags", "remedy", "per_class", "seed")},
                         {"images": 10, "labelled": 10, "failed": 0, "fits": True, "change": False,
                          "preprocess": "keras", "flags": "--preprocess keras", "remedy": None,
                          "per_class": 8, "seed": 299})
        self.assertEqual([len(axes[a]["options"]) for a in AXES], [3, 5, 2, 5, 4])
        for name in AXES[1:]:
            self.assertEqual(axes[name]["verdict"], "unsure")
            self.assertIsNone(axes[name]["mistake"])
            for option in axes[name]["options"]:
                self.assertEqual([option[k] for k in ("images", "top1", "better", "worse", "p",
                                                      "higher", "lower", "p_score")],
                                 [10, 80, 0, 0, 1, 0, 0, 1])
                self.assertEqual(option["tied"], option["name"] != axes[name]["best"])
        # Wilson's interval of 8 of 10, from statsmodels.
        first = axes["values"]["options"][0]
        self.assertAlmostEqual(first["low"], 49.01624671, 6)
        self.assertAlmostEqual(first["high"], 94.33178485, 6)
        # 8 hits turn wrong when labels count from 1 (4 would be right), 8 when from -1.
        self.assertEqual([(o["name"], o["better"], o["worse"]) for o in axes["labels"]["options"]],
                         [("as they are, from 0", 0, 0), ("counted from 1", 1, 8),
                          ("class 0 is background", 0, 8)])
        self.assertEqual(axes["labels"]["verdict"], "unsure")  # p is 0.039 for the first, 0.0125 is asked

    def test_off_by_one(self):
        got, axes = self.axes(*self.constant(), self.labelled(*[4] * 12))
        self.assertEqual((axes["labels"]["verdict"], axes["labels"]["best"]), ("change", "counted from 1"))
        self.assertIn("off by one", axes["labels"]["mistake"])
        self.assertIn("subtract 1", got["remedy"])
        out, _ = self.xlens("doctor", *self.constant(), self.labelled(*[2] * 12))
        self.assertIn("class 0 is background, not as they are, from 0: off by one", out)
        self.assertIn("\nUse --preprocess keras\nand add 1 to every label", out)
        # Ten names, labels from 1 to 10: eval refuses the last, doctor finds it out.
        listed = self.labelled(*[10] * 12)
        names = ["--label", self.names()]
        self.fails(3, "eval", "-m", MODEL, "--db", self.db, *names, listed, says="class 10, expected 0 to 9")
        head = self.constant(9)
        out, err = self.xlens("doctor", *head, *names, listed)
        self.assertIn("counted from 1, not as they are", out)
        self.assertIn("class 10, expected 0 to 9", err)
        self.assertEqual(self.xlens("doctor", *head, *names, listed, "-q")[1], "")

    def test_some_axes(self):
        listed = self.labelled(*[4] * 12)
        got, axes = self.axes(*self.constant(), listed, "--axes", "channels,filter")
        self.assertEqual([len(axes[a]["options"]) for a in AXES], [3, 1, 2, 1, 4])
        self.assertEqual([axes[a]["verdict"] for a in AXES], ["change", "untried", "unsure", "untried", "unsure"])
        out, _ = self.xlens("doctor", *self.constant(), listed, "--axes", "labels")
        self.assertIn("centred, -1 to 1; nothing else was tried", out)
        for wrong in ("value", "labels,,values", "labels,filters"):
            self.fails(2, "doctor", *self.constant(), listed, "--axes", wrong, says="--axes")

    def test_nothing_fits(self):
        got, _ = self.axes(*self.constant(), self.labelled(*[7] * 12))
        self.assertEqual((got["fits"], got["change"]), (False, False))
        out, _ = self.xlens("doctor", *self.constant(), self.labelled(*[7] * 12))
        self.assertIn("Nothing fits: the best is no better than guessing one of 10 classes", out)
        self.assertNotIn("Use --", out)

    def test_refusals(self):
        plain = self.tmp / "plain"
        plain.mkdir()
        shutil.copy(DATA / "pictures/rgb.jpg", plain)
        self.fails(3, "doctor", "-m", MODEL, plain, says=["plain: plain folder", "no picture has a label"])
        self.fails(2, "doctor", "-m", MODEL, says="no DATASET, expected -m MODEL and DATASET, or --terminal")
        self.fails(2, "doctor", plain, says="no -m")
        self.fails(2, "doctor", "--terminal", plain, says="expected no DATASET")
        self.fails(2, "doctor", "--terminal", "-m", MODEL, says="expected no -m")
        self.fails(2, "doctor", "-m", MODEL, plain, "-n", "0", says="-n")
        self.fails(3, "doctor", "-m", MODEL, self.tmp / "none", says="no such file")
        self.fails(3, "doctor", "-m", self.tmp / "none", plain, says="none")
        (plain / "rgb.jpg").write_bytes((DATA / "pictures/rgb.jpg").read_bytes()[:300])
        (plain / "set.csv").write_text("file,label\nrgb.jpg,1\n")
        _, err = self.xlens("doctor", "-m", MODEL, plain / "set.csv", status=3)
        self.assertIn("none of 1 labelled pictures could be used; xlens verify says why", err)

    def test_broken_pictures_are_left_out(self):
        root = self.pictures(broken=True)
        files = sorted(p.relative_to(root) for p in root.rglob("*.*g"))
        (root / "set.csv").write_text("file,label\n" + "".join(f"{f},3\n" for f in files))
        out, err = self.xlens("doctor", *self.constant(), root / "set.csv", status=1)
        self.assertIn("12 of 13 labelled pictures", out)
        self.assertIn("bee/broken.jpg: ", err)
        self.assertIn("set.csv: 1 of 13 pictures could not be read", err)

    def test_options(self):
        """Those that say what is set now, and those of every network."""
        flat = self.tmp / "flat"
        flat.mkdir()
        for i in range(12):
            shutil.copy(DATA / "pictures/rgb.jpg", flat / f"ILSVRC2012_val_{i + 1:08}.JPEG")
        (self.tmp / "ids.txt").write_text("1\n" * 12)  # ILSVRC2012 id 1 is class 278
        head = self.head(MODEL, [8. if i == 278 else 0. for i in range(1000)])
        args = ["-m", MODEL, "--head", head, "--arch", "keras_xception", "--precision", "float32",
                flat, "--val_label", self.tmp / "ids.txt", "-n", "11"]
        got, axes = self.axes(*args)
        self.assertEqual(got["images"], 11)
        self.assertEqual(got["flags"], "--preprocess keras --label-order ilsvrc")
        self.assertIn("devkit order", axes["labels"]["mistake"])
        got, axes = self.axes(*args, "--label-order", "ilsvrc", "--preprocess", "xception,squash,nearest",
                              "-s", "[3,64,96]")
        self.assertFalse(got["change"])
        self.assertEqual(axes["labels"]["now"], "devkit's ids, 1 to 1000")
        # As few words as a preset needs.
        self.assertEqual(got["flags"], "--preprocess keras --label-order ilsvrc")
        self.assertEqual(axes["resize"]["now"], "squash, no crop")
        self.assertEqual([o["name"] for o in axes["resize"]["options"][1:]],
                         ["resize=96", "resize=103", "resize=107", "resize=110"])

    # ---- --terminal ----

    def test_no_terminal(self):
        out, err = self.xlens("doctor", "--terminal", env={"TERM": "xterm-256color", "COLORTERM": "truecolor"})
        self.assertEqual(err, "")
        self.assertRegex(out, r"TERM +xterm-256color\nterminal +stdout is no terminal: nothing was asked of one\n")
        self.assertRegex(out, r"colours +256, 24 bit\nunicode +yes \(UTF-8\)\n")
        got = self.document("doctor", "--terminal", env={"TERM": "no-such", "LC_ALL": "C"})
        self.assertEqual((got["terminal"], got["colors"], got["unicode"], got["columns"]), (False, 0, False, 0))
        self.assertIn("needs a terminal", got["explorer"])

    def on_terminal(self, answer, **env):
        """What is printed on a terminal of 100 x 30 cells that answers the questions so."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        process = self.start("doctor", "--terminal", stdin=slave, stdout=slave, stderr=slave,
                             env={"TERM": "xterm-256color", "TMUX": "", "STY": "", "SSH_CONNECTION": "",
                                  "TERM_PROGRAM": "", "COLORTERM": "", **env}, start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        said, until, answered = b"", time.monotonic() + 60, False
        while time.monotonic() < until:
            if not answered and b"\033[c" in said:
                os.write(master, answer)
                answered = True
            if select.select([master], [], [], 0.1)[0]:
                try:
                    said += os.read(master, 4096)
                except OSError:  # its last user is gone
                    break
        os.close(master)
        self.assertEqual(process.wait(60), 0)
        return said.decode().replace("\r", "")

    def test_a_terminal_that_answers(self):
        said = self.on_terminal(b"\033P>|kitty(0.35.2)\033\\" b"\033_Gi=31;OK\033\\" b"\033[6;20;10t"
                                b"\033[?62;4;52c")
        for line in ("program +kitty\\(0.35.2\\)", "size +100 x 30 cells, 1000 x 600 pixels", "answers +yes",
                     "graphics +kitty yes, sixel yes, iTerm2 no", "within +nothing", "explorer +works here"):
            self.assertRegex(said, line)
        said = self.on_terminal(b"\033P>|WezTerm 20240203\033\\" b"\033_Gi=31;ENOTSUP\033\\" b"\033[?64;40;14c",
                                TMUX="/tmp/x,1,0")
        for line in ("size +100 x 30 cells\n", "graphics +kitty no, sixel no, iTerm2 yes",
                     "within +tmux: graphics need .*allow-passthrough on"):
            self.assertRegex(said, line)

    def test_a_terminal_that_does_not(self):
        self.assertRegex(self.on_terminal(b""), "answers +no: graphics cannot be told")
        self.assertRegex(self.on_terminal(b"", TERM="dumb"), "answers +not asked")


if __name__ == "__main__":
    main()
