"""xlens valprep: a flat validation folder to class folders and back, whatever happens."""
import os, random, signal, subprocess, time

from harness import XLENS, CliTest, main, skip_loudly

WNIDS = {0: "n01440764", 1: "n01443537", 999: "n15075141"}


class Valprep(CliTest):
    def setUp(self):
        super().setUp()
        self.root, self.labels = self.tmp / "val", self.tmp / "val_label.txt"
        self.truth = {}

    def make(self, n=6):
        """Flat pictures with contents of their own; their classes are 0, 1 and 999 in turn."""
        self.root.mkdir()
        for i in range(1, n + 1):
            name = f"ILSVRC2012_val_{i:08}.JPEG"
            (self.root / name).write_text(f"picture {i}")
            self.truth[name] = list(WNIDS)[i % 3]
        self.labels.write_text("".join(f"{k} {v}\n" for k, v in self.truth.items()))

    def valprep(self, *args, status=0, root=None):
        return self.document("valprep", root or self.root, "--val_label", self.labels, *args,
                             status=status)

    def flat(self):
        return {name: self.root / name for name in self.truth}

    def classes(self, root=None):
        return {name: (root or self.root) / WNIDS[c] / name for name, c in self.truth.items()}

    def assert_at(self, paths):
        for i, name in enumerate(self.truth, 1):
            self.assertEqual(paths[name].read_text(), f"picture {i}")

    def assert_pictures(self, *places):
        """There is nothing but the pictures at these places."""
        found = {p for p in self.root.rglob("*") if not p.is_dir()}
        self.assertEqual(found, {p for place in places for p in place.values()})
        for place in places:
            self.assert_at(place)

    def test_hard_links_unless_asked(self):
        self.make()
        got = self.valprep()
        self.assertEqual((got["placed"], got["kept"], got["misfits"]), (6, 0, []))
        self.assert_pictures(self.flat(), self.classes())
        for name, path in self.classes().items():
            self.assertTrue(path.samefile(self.root / name))
            self.assertFalse(path.is_symlink())
        again = self.valprep("--link", "hard")
        self.assertEqual((again["placed"], again["kept"]), (0, 6))
        out, _ = self.xlens("valprep", self.root, "--val_label", self.labels)
        self.assertEqual(out, "0 placed, 6 there already\n")

    def test_moved_and_back(self):
        self.make()
        self.assertEqual(self.valprep("--link", "move")["placed"], 6)
        self.assert_pictures(self.classes())
        self.assertEqual(self.valprep("--link", "move")["kept"], 6)
        self.assertEqual(self.valprep("--link", "move", "--reverse")["placed"], 6)
        self.assert_pictures(self.flat())
        self.assertEqual([p.name for p in self.root.iterdir() if p.is_dir()], [])

    def test_symbolic_links_and_back(self):
        self.make()
        self.valprep("--link", "symbolic")
        self.assert_pictures(self.flat(), self.classes())
        self.assertTrue(all(p.is_symlink() for p in self.classes().values()))
        os.rename(self.root, self.tmp / "moved")  # relative ones go with the folder
        os.rename(self.tmp / "moved", self.root)
        self.valprep("--link", "move")  # the links make way for the files
        self.assert_pictures(self.classes())
        self.assertFalse(any(p.is_symlink() for p in self.classes().values()))
        self.valprep("--link", "symbolic", "--reverse")
        self.assertTrue(all(p.is_symlink() for p in self.flat().values()))
        self.valprep("--link", "move")  # and the other way round: the links go
        self.assert_pictures(self.classes())

    def test_hard_then_move_leaves_one_name(self):
        self.make()
        self.valprep()
        self.assertEqual(self.valprep("--link", "move", "--reverse")["kept"], 6)
        self.assert_pictures(self.flat())

    def test_target(self):
        self.make()
        for kind in ("hard", "symbolic"):
            target = self.tmp / kind
            self.valprep("--target_path", target, "--link", kind)
            self.assert_at(self.classes(target))
        self.assert_pictures(self.flat())
        back = self.tmp / "back"
        self.valprep("--reverse", "--target_path", back, root=self.tmp / "hard")
        self.assertEqual(sorted(os.listdir(back)), sorted(self.truth))
        got = self.document("info", self.tmp / "symbolic")
        self.assertEqual((got["images"], got["classes"]), (6, 3))

    def test_labels_by_line_and_in_the_devkits_order(self):
        self.make()
        self.labels.write_text("".join(f"{c}\n" for c in self.truth.values()))
        self.valprep("--link", "move")
        self.assert_pictures(self.classes())
        self.valprep("--link", "move", "--reverse")
        devkit = {0: 449, 1: 450, 999: 889}  # ids of tench, goldfish and toilet tissue
        self.labels.write_text("".join(f"{k} {devkit[c]}\n" for k, c in self.truth.items()))
        self.valprep("--link", "move", "--label-order", "ilsvrc")
        self.assert_pictures(self.classes())

    def test_lines_without_names_need_as_many_pictures(self):
        self.make()
        for i, name in enumerate(sorted(self.truth)):
            os.rename(self.root / name, self.root / f"{i}.png")
        self.labels.write_text("0\n" * 5)
        self.fails(3, "valprep", self.root, "--val_label", self.labels,
                   says=["val_label.txt", "5 labels for 6 pictures"])
        self.labels.write_text("0\n" * 6)
        os.mkdir(self.root / WNIDS[0])  # as a killed run leaves it
        os.rename(self.root / "0.png", self.root / WNIDS[0] / "0.png")
        got = self.valprep("--link", "move")
        self.assertEqual((got["placed"], got["kept"]), (5, 1))

    def test_what_does_not_fit(self):
        self.make()
        names = list(self.truth)
        os.remove(self.root / names[0])
        (self.root / "stranger.JPEG").write_text("mine")
        (self.root / "notes.txt").write_text("no picture")
        other = self.classes()[names[1]]
        other.parent.mkdir()
        other.write_text("another")
        wrong = self.root / WNIDS[0] / names[2]
        wrong.parent.mkdir(exist_ok=True)
        os.rename(self.root / names[2], wrong)
        self.truth[names[2]] = 1
        self.labels.write_text("".join(f"{k} {v}\n" for k, v in self.truth.items()))
        for kind in ("move", "hard", "symbolic"):
            got = self.valprep("--link", kind, status=1)
            self.assertEqual({(m["kind"], m["file"]) for m in got["misfits"]},
                             {("no_picture", names[0]), ("no_label", "stranger.JPEG"),
                              ("other_file", f"{other.parent.name}/{names[1]}"),
                              ("misplaced", f"{WNIDS[0]}/{names[2]}")})
            self.assertEqual([got[k] for k in ("no_picture", "no_label", "other_file",
                                               "misplaced")], [1] * 4)
        self.assertEqual(other.read_text(), "another")
        self.assertEqual((self.root / names[1]).read_text(), "picture 2")
        self.assertEqual((self.root / "stranger.JPEG").read_text(), "mine")
        out, err = self.xlens("valprep", self.root, "--val_label", self.labels, status=1)
        self.assertIn("stranger.JPEG: has no label", err)
        self.assertIn("1: is another file of the same name", out)

    def test_a_class_folder_that_leads_back(self):
        self.make()
        for wnid in WNIDS.values():
            os.symlink(".", self.root / wnid)
        self.fails(3, "valprep", self.root, "--val_label", self.labels, "--link", "move", "-q",
                   says="leads to")
        self.assert_at(self.flat())

    def test_pictures_that_are_links_are_not_moved(self):
        self.make()
        name = next(iter(self.truth))
        os.rename(self.root / name, self.tmp / "elsewhere")
        os.symlink("../elsewhere", self.root / name)
        self.fails(3, "valprep", self.root, "--val_label", self.labels, "--link", "move",
                   says="symbolic link")
        self.valprep()
        self.assertEqual(self.classes()[name].read_text(), "picture 1")

    def test_another_file_system(self):
        self.make()
        shm = "/dev/shm"
        if not os.path.isdir(shm) or os.stat(shm).st_dev == os.stat(self.tmp).st_dev:
            skip_loudly("/dev/shm is no other file system")
        target = f"{shm}/xlens-valprep-{os.getpid()}"
        try:
            for kind in ("hard", "move"):
                self.fails(3, "valprep", self.root, "--val_label", self.labels, "--target_path",
                           target, "--link", kind, says=["file system", "symbolic"])
            self.valprep("--target_path", target, "--link", "symbolic")
            self.assert_pictures(self.flat())
        finally:
            subprocess.run(["rm", "-r", target])

    def test_wrong_usage(self):
        self.make(1)
        self.fails(2, "valprep", self.root, says="val_label")
        self.fails(3, "valprep", self.tmp / "none", "--val_label", self.labels, says="none")
        self.fails(3, "valprep", self.root, "--val_label", self.tmp / "no.txt", says="no.txt")
        (self.tmp / "empty").mkdir()
        self.fails(3, "valprep", self.tmp / "empty", "--val_label", self.labels, says="empty")
        self.labels.write_text("other.JPEG 3\n")
        self.fails(3, "valprep", self.root, "--val_label", self.labels, says="val_label.txt")

    def test_killed_at_any_moment(self):
        self.make(3000)
        chance = random.Random(7)
        args = [XLENS, "valprep", self.root, "--val_label", self.labels, "--link", "move"]
        cut = 0
        for turn in range(24):
            process = subprocess.Popen([*args, *(["--reverse"] if turn % 2 else [])],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, .03))
            process.send_signal(signal.SIGKILL)
            cut += process.wait() == -signal.SIGKILL
            names = [p.name for p in self.root.rglob("*.JPEG")]
            self.assertEqual(set(names), set(self.truth), "a picture is gone")
        self.assertGreater(cut, 3, "nothing was killed: this tests nothing")
        self.valprep("--link", "move")
        self.assert_pictures(self.classes())


main()
