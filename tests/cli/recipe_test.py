"""The published recipe: npz, run, score; what one writes the next reads."""
import json, os, shutil, struct, zipfile

from harness import LABEL_NAMES, MODEL, CliTest, floats, main, npy, read_npz

VDSP = {"OpType": "FUSION_OP_RGB_RESIZE_CVTCOLOR_CROP_NORM_TENSOR",
        "OpConfig": {"IimageFormat": "RGB_PLANAR", "IimageWidth": 324, "IimageHeight": 324,
                     "OimageWidth": 75, "OimageHeight": 75, "CropX": 3, "CropY": 4,
                     "ResizeWidth": 80, "ResizeHeight": 82, "IimageWidthPitch": 324,
                     "IimageHeightPitch": 324, "Mean": [0.5, 0.5, 0.5], "Std": [0.5, 0.5, 0.5],
                     "NormaType": "DIV255_MINUSMEAN_DIVSTD", "ColorCvtCode": "NO_CHANGE",
                     "ResizeType": "BILINEAR_CV"}}


def result(path, values, key="output_0"):
    with zipfile.ZipFile(path, "w") as z:
        z.writestr(key + ".npy", npy("<f4", (1, len(values)), struct.pack(f"<{len(values)}f", *values)))


class Recipe(CliTest):
    def setUp(self):
        super().setUp()
        self.root = self.pictures()
        self.list, self.out = self.tmp / "npz.txt", self.tmp / "out"
        self.xlens("npz", "--dataset_path", self.root, "--target_path", self.tmp / "in",
                   "--text_path", self.list)
        self.lines = self.list.read_text().splitlines()

    def run_all(self, *args, out=None, **kw):
        return self.document("run", "-m", MODEL, "--datalist", self.list, "--path_output",
                             out or self.out, *args, **kw)

    def test_the_model_is_chosen_as_everywhere(self):
        self.run_all("--arch", "keras_xception", "--precision", "float32", "--label", self.names())
        for option, value in (("--head", "missing.safetensors"), ("--label", "missing.txt")):
            self.fails(3, "run", "-m", MODEL, "--datalist", self.list, "--path_output",
                       self.tmp / "other", option, self.tmp / value, says=value)

    def score(self, *args, path=None, **kw):
        return self.document("score", "--result_path", path or self.out, "--datalist",
                             self.list, "--label", self.names(), *args, **kw)

    def results(self, out):
        return {p.name: read_npz(p)["output_0"][2] for p in out.iterdir()}


class Run(Recipe):
    def test_one_result_a_line(self):
        got = self.run_all()
        self.assertEqual((got["images"], got["written"], got["kept"], got["failed"]), (12, 12, 0, 0))
        names = sorted(p.name for p in self.out.iterdir())
        self.assertEqual(names, [f"{i:08}_{os.path.basename(l)}" for i, l in enumerate(self.lines)])
        for name in names:
            descr, shape, _ = array = read_npz(self.out / name)["output_0"]
            self.assertEqual((descr, shape), ("<f4", (1, 10)))
            self.assertAlmostEqual(sum(floats(array)), 1, 5)

    def test_resumed_and_forced(self):
        self.run_all()
        first = self.results(self.out)
        names = sorted(first)
        os.remove(self.out / names[3])
        (self.out / names[5]).write_bytes(b"PK\3\4 cut off")
        (self.out / (names[6] + ".tmp-123-abcdef")).write_bytes(b"of a killed one")
        got = self.run_all()
        self.assertEqual((got["written"], got["kept"]), (2, 10))
        self.assertEqual(self.results(self.out), first)
        self.assertEqual(self.run_all("--force")["written"], 12)

    def test_the_folder_holds_nothing_else(self):
        self.out.mkdir()
        (self.out / "notes.txt").write_text("mine")
        self.fails(2, "run", "-m", MODEL, "--datalist", self.list, "--path_output", self.out,
                   says=["notes.txt", "empty"])
        self.assertEqual([p.name for p in self.out.iterdir()], ["notes.txt"])
        os.rename(self.out / "notes.txt", self.out / "00000000_other.npz")
        self.fails(2, "run", "-m", MODEL, "--datalist", self.list, "--path_output", self.out,
                   says="00000000_other.npz")

    def test_instances_processes_batch(self):
        self.run_all("--threads", "1")
        first = self.results(self.out)
        for i, args in enumerate((["-i", "3", "-p", "1", "-b", "2"], ["-i", "2", "-p", "2"],
                                  ["-b", "5", "--instances", "1"])):
            out = self.tmp / f"out{i}"
            self.assertEqual(self.run_all(*args, out=out)["written"], 12)
            self.assertEqual(self.results(out), first)
        self.fails(2, "run", "-m", MODEL, "--datalist", self.list, "--path_output", self.out,
                   "-i", "1", "-p", "2", says="processes")

    def test_the_dash_that_recipes_lack(self):
        _, err = self.xlens("run", "-m", MODEL, "--datalist", self.list, "--path_output", self.out,
                            "-i", "1", "p", "1", "-b", "1")
        self.assertIn("p 1 is taken for -p 1", err)
        self.fails(2, "run", "-m", MODEL, "--datalist", self.list, "--path_output", self.out,
                   "q", "1", says="q")

    def test_prepared_inputs(self):
        self.xlens("npz", "-m", MODEL, "--preprocessed", "--dataset_path", self.root,
                   "--target_path", self.tmp / "prepared", "--text_path", self.list)
        self.run_all("-s", "[3,75,75]")
        line = self.list.read_text().split()[0]
        self.xlens("predict", "-m", MODEL, "--input-npz", line, "--logits", self.tmp / "l.npz")
        logits = floats(read_npz(self.tmp / "l.npz")["logits"])
        probs = floats(read_npz(self.out / "00000000_00.npz")["output_0"])
        self.assertEqual(max(range(10), key=logits.__getitem__),
                         max(range(10), key=probs.__getitem__))
        other = self.tmp / "other"
        self.document("run", "-m", MODEL, "-s", "[3,80,80]", "--datalist", self.list,
                      "--path_output", other, status=1)
        self.assertEqual(list(other.iterdir()), [])

    def test_a_damaged_input_has_no_result(self):
        with open(self.lines[2], "wb") as f:
            f.write(b"none")
        got = self.run_all(status=1)
        self.assertEqual((got["written"], got["failed"]), (11, 1))
        self.assertEqual(self.score(status=1)["failed"], 1)

    def test_vdsp_params(self):
        path = self.tmp / "vdsp.json"

        def probs(**changes):
            text = json.loads(json.dumps(VDSP))
            text["OpConfig"].update(changes)
            path.write_text(json.dumps(text))
            out = self.tmp / "vdsp"
            shutil.rmtree(out, ignore_errors=True)
            self.assertEqual(self.run_all("--vdsp_params", path, out=out)["written"], 12)
            return self.results(out)
        plain = probs()
        self.assertEqual(probs(IimageWidth=100, IimageWidthPitch=0), plain)
        for change in ({"CropX": 0}, {"ResizeWidth": 90}, {"ColorCvtCode": "RGB2BGR"},
                       {"ResizeType": "BILINEAR_PILLOW"}, {"Mean": [0, 0, 0]},
                       {"Std": [0.25, 0.25, 0.25]}, {"NormaType": "MINUSMEAN_DIVSTD"}):
            self.assertNotEqual(probs(**change), plain, change)
        for change, says in (({"Colour": 1}, "Colour"), ({"NormaType": "EQUAL"}, "NormaType"),
                             ({"CropX": 70}, "crop"), ({"Mean": [0, 1]}, "Mean"),
                             ({"Std": [1, 0, 1]}, "Std"), ({"OimageWidth": 0}, "OimageWidth"),
                             ({"IimageFormat": "NV12"}, "IimageFormat"),
                             ({"CropY": 1.5}, "CropY"), ({"ResizeType": "NEAREST"}, "ResizeType")):
            text = json.loads(json.dumps(VDSP))
            text["OpConfig"].update(change)
            path.write_text(json.dumps(text))
            self.fails(3, "run", "-m", MODEL, "--datalist", self.list, "--path_output", self.out,
                       "--vdsp_params", path, says=["vdsp.json", says])
        for text in ("", "[]", "{}", '{"OpType": "FUSION_OP_YUV"}',
                     '{"OpType": "%s", "more": 1}' % VDSP["OpType"]):
            path.write_text(text)
            self.fails(3, "run", "-m", MODEL, "--datalist", self.list, "--path_output", self.out,
                       "--vdsp_params", path, says="vdsp.json")
        path.write_text(json.dumps(VDSP))
        self.fails(2, "run", "-m", MODEL, "--datalist", self.list, "--path_output", self.out,
                   "--vdsp_params", path, "-s", "[3,80,80]", says="80")


class Score(Recipe):
    def test_agrees_with_eval(self):
        self.run_all("--preprocess", "xception")
        relay = self.tmp / "r.txt"
        got = self.score("--result_txt", relay)
        other = self.document("eval", "-m", MODEL, "--preprocess", "xception", self.root,
                              "--label", self.names(), "--db", self.db)
        for key in ("images", "labelled", "failed", "top1", "top5"):
            self.assertEqual(got[key], other[key], key)
        self.assertLessEqual(set("seconds images_per_second from_cache".split()), set(got))
        self.assertEqual(len(relay.read_text().splitlines()), 60)
        again = self.score(path=relay)
        self.assertEqual((again["top1"], again["top5"]), (got["top1"], got["top5"]))
        self.fails(2, "score", "--result_path", self.out, "--datalist", self.list, "--label",
                   self.names(), "--result_txt", relay, says="r.txt")
        self.score("--result_txt", relay, "--force")
        out, _ = self.xlens("score", "--result_path", self.out, "--datalist", self.list,
                            "--label", self.names())
        self.assertIn(f"[VACC]:  top1_rate: {got['top1']:.3f} top5_rate: {got['top5']:.3f}\n", out)

    def test_readers_of_the_recipe(self):
        """What the recipe's own scripts take for granted of results and of Relay text."""
        self.run_all("--preprocess", "xception")
        names = self.names().read_text().splitlines()
        entries = sorted(os.listdir(self.out))  # all are results, in the order of the list
        self.assertEqual(len(entries), len(self.lines))
        decoded = []
        for line, entry in zip(self.lines, entries):
            probs = floats(read_npz(self.out / entry)["output_0"])
            best = sorted(range(len(probs)), key=lambda c: (-probs[c], c))[:5]
            decoded += [f"{line}: Relay top-{k} id: {c}, prob: {probs[c]:.8f}, class name: {names[c]}"
                        for k, c in enumerate(best)]
        relay = self.tmp / "r.txt"
        got = self.score("--result_txt", relay)
        self.assertEqual(relay.read_text().splitlines(), decoded)
        right = [0, 0]
        lines = relay.read_text().splitlines()
        for at in range(0, len(lines), 5):  # five lines a picture; the truth is its folder
            said = [line.split(":")[4].strip() for line in lines[at:at + 5]]
            truth = lines[at].split(":")[0].split("/")[-2]
            right[0] += said[0] == truth
            right[1] += truth in said
        self.assertEqual([100 * n / len(self.lines) for n in right], [got["top1"], got["top5"]])
        self.assertTrue(0 < right[0] < len(self.lines))

    def made(self, classes, name="{line}_{stem}.npz"):
        """A result a line that is sure of the class given."""
        self.out.mkdir()
        for i, c in enumerate(classes):
            stem = os.path.splitext(os.path.basename(self.lines[i]))[0]
            result(self.out / name.format(line=f"{i:08}", n=i, stem=stem),
                   [.91 if k == c else .01 for k in range(10)])

    TRUTH = [8] * 6 + [1] * 6  # bee, then dog

    def test_pairs_by_name(self):
        self.made(self.TRUTH, "{stem}.npz")
        os.remove(self.out / "04.npz")
        got = self.score(status=1)
        self.assertEqual((got["images"], got["labelled"], got["failed"], got["top1"]),
                         (12, 11, 1, 100.0))
        result(self.out / "stray.npz", [.1] * 10)
        _, err = self.xlens("score", "--result_path", self.out, "--datalist", self.list,
                            "--label", self.names(), status=1)
        self.assertIn("stray.npz", err)

    def test_tables(self):
        rows = [(l, t, k) for l, t in zip(self.lines, self.TRUTH) for k in (0, 1)]
        table = self.tmp / "t.csv"
        table.write_text("file,class,prob\n" + "".join(
            f"{l},{t if k else 0},{.6 if k else .3}\n" for l, t, k in rows))
        self.assertEqual(self.score(path=table)["top1"], 100.0)
        table.write_text("file,top1,prob1,top2,prob2\n" + "".join(
            f"{l},0,.6,{t},.4\n" for l, t in zip(self.lines, self.TRUTH)))
        got = self.score(path=table)
        self.assertEqual((got["top1"], got["top5"]), (0.0, 100.0))
        lines = [({"file": l, "topk": [{"index": 0, "prob": .3}, {"index": t, "prob": .6}]},
                  {"file": l, "logits": [9 if c == t else -9 for c in range(10)]},
                  {"file": l, "class": t, "prob": .5}) for l, t in zip(self.lines, self.TRUTH)]
        for kind in range(3):
            table.write_text("".join(json.dumps(line[kind]) + "\n" for line in lines))
            self.assertEqual(self.score(path=table)["top1"], 100.0)
        for text in ("file,colour\na,b\n", "file,class,prob\na,1\n", "file,class,prob\na,-1,.5\n",
                     "file,class,prob\na,1,7\n", '{"topk": []}\n', "{\n", '{"file": "a"}\n',
                     '{"file": "a", "logits": ["x"]}\n'):
            table.write_text(text)
            self.fails(3, "score", "--result_path", table, "--datalist", self.list, "--label",
                       self.names(), says="t.csv:")

    def test_unpadded_numbers(self):
        # Sorted, 10 comes before 2: the old join is wrong from there on.
        self.made(self.TRUTH, "res{n}.npz")
        self.fails(3, "score", "--result_path", self.out, "--datalist", self.list, "--label",
                   self.names(), says="--compat-vamp")
        names = sorted(p.name for p in self.out.iterdir())
        right = sum(self.TRUTH[int(n[3:-4])] == t for n, t in zip(names, self.TRUTH))
        got = self.score("--compat-vamp", status=1)
        self.assertEqual((got["images"], got["labelled"]), (12, 12))
        self.assertAlmostEqual(got["top1"], 100 * right / 12)
        self.assertLess(right, 12)

    def test_names_that_two_classes_bear(self):
        names = self.tmp / "twins.txt"
        names.write_text("".join(f"{'bee' if i == 3 else n}\n" for i, n in enumerate(LABEL_NAMES)))
        self.made([3] + self.TRUTH[1:])
        truth = self.tmp / "val_label.txt"
        truth.write_text("".join(f"{os.path.basename(l)[:-4]}.JPEG {t}\n"
                                 for l, t in zip(self.lines, self.TRUTH)))
        args = ["score", "--result_path", self.out, "--datalist", self.list, "--label", names,
                "--val_label", truth]
        self.assertAlmostEqual(self.document(*args)["top1"], 100 * 11 / 12)
        out, err = self.xlens(*args, "--compat-vamp")
        self.assertRegex(out, r"top-1 +100.000\n")
        self.assertRegex(out, r"differ +1\n")
        self.assertIn(self.lines[0], err)
        got = self.document(*args, "--compat-vamp")
        self.assertEqual((got["top1"], got["differ"]), (100.0, 1))
        self.assertAlmostEqual(got["top1_by_id"], 100 * 11 / 12)

    def test_truth(self):
        self.made([1] * 12)
        truth = self.tmp / "t.txt"
        truth.write_text("".join("1\n" for _ in self.lines))
        self.assertEqual(self.score("--val_label", truth)["top1"], 100.0)
        truth.write_text("other.JPEG 1\n")
        self.fails(3, "score", "--result_path", self.out, "--datalist", self.list, "--label",
                   self.names(), "--val_label", truth, says="t.txt")
        self.fails(3, "score", "--result_path", self.out, "--datalist", self.list, says=["10", "1000"])
        self.fails(2, "score", "--result_path", self.out, "--datalist", self.list,
                   "--label-order", "none", says="ilsvrc")

    def test_logits_and_damage(self):
        self.made(self.TRUTH)
        result(self.out / "00000000_00.npz", [50. if k == 8 else -3. for k in range(10)])
        self.assertEqual(self.score()["top1"], 100.0)
        result(self.out / "00000000_00.npz", [float("nan")] * 10)
        self.assertEqual(self.score(status=1)["failed"], 1)
        result(self.out / "00000000_00.npz", [.1] * 10, key="other")
        self.assertEqual(self.score(status=1)["failed"], 1)
        result(self.out / "00000000_00.npz", [.1] * 9)
        self.fails(3, "score", "--result_path", self.out, "--datalist", self.list, "--label",
                   self.names(), says=["9", "10"])
        relay = self.tmp / "r.txt"
        for text in ("", "nothing\n", "a: Relay top-0 id: x\n",
                     "a: Relay top-1 id: 1, prob: 0.5, class name: n\na: Relay top-1 id: 2, prob: .1, "
                     "class name: n\n"):
            relay.write_text(text)
            self.fails(3, "score", "--result_path", relay, "--datalist", self.list, "--label",
                       self.names(), says="r.txt")


main()
