"""xlens eval and jobs: figures, the cache, stopping and going on."""
import json, os, random, re, shutil, signal, subprocess, time

from harness import MODEL, CliTest, main


class Eval(CliTest):
    def test_figures(self):
        root = self.pictures(broken=True)
        args = ["eval", "-m", MODEL, root, "--db", self.db]
        got = self.document(*args, status=1)
        self.assertLessEqual({"images", "labelled", "failed", "top1", "top5", "seconds",
                              "images_per_second", "from_cache"}, set(got))
        self.assertEqual((got["images"], got["labelled"], got["failed"], got["from_cache"]),
                         (13, 12, 1, 0))
        self.assertEqual(sorted(p.name for p in root.iterdir()), ["bee", "dog"])  # 0, 1
        predicted = self.document("predict", "-m", MODEL, *sorted(root.glob("*/[0-9]*")))
        hits = [(p["file"].split("/")[-2] == "dog") for p in predicted["results"]]
        ranks = [[t["index"] for t in p["topk"]] for p in predicted["results"]]
        self.assertAlmostEqual(got["top1"], 100 * sum(r[0] == h for r, h in zip(ranks, hits)) / 12)
        self.assertAlmostEqual(got["top5"], 100 * sum(h in r for r, h in zip(ranks, hits)) / 12)
        again = self.document(*args, status=1)
        self.assertEqual(again["from_cache"], 13)
        self.assertEqual((again["top1"], again["top5"]), (got["top1"], got["top5"]))
        self.assertEqual(self.document(*args, "--rerun", status=1)["from_cache"], 0)

    def test_text(self):
        root = self.pictures()
        out, err = self.xlens("eval", "-m", MODEL, root, "--db", self.db)
        self.assertEqual(err, "")
        numbers = re.sub(r"\d+\.\d{3}", "N", out)
        self.expect("eval.txt", re.sub(r"(seconds +).*", r"\1N", re.sub(r" +N", " N", numbers)))
        self.assertRegex(out, r"(?m)^\[VACC\]:  top1_rate: \d+\.\d{3} top5_rate: \d+\.\d{3}$")

    def test_without_labels(self):
        folder = self.pictures() / "bee"
        got = self.document("eval", "-m", MODEL, folder, "--db", self.db)
        self.assertEqual((got["labelled"], got["top1"], got["top5"]), (0, None, None))
        out, _ = self.xlens("eval", "-m", MODEL, folder, "--db", self.db)
        self.assertNotIn("VACC", out)
        self.fails_with_figures("--min-top1", "0", folder)

    def fails_with_figures(self, *args):
        _, err = self.xlens("eval", "-m", MODEL, "--db", self.db, *args, status=1)
        self.assertRegex(err, r"\Axlens: [^\n]+\n\Z")
        return err

    def test_least_top1(self):
        root = self.pictures()
        label = ["--label", self.names()]
        top1 = self.document("eval", "-m", MODEL, root, "--db", self.db, *label)["top1"]
        self.assertTrue(0 < top1 < 100)
        args = ["-m", MODEL, root, "--db", self.db, *label, "--min-top1"]
        for least in ("0", top1 - 0.001):
            self.xlens("eval", *args, least)
        for least in (top1 + 0.001, 100):
            self.assertIn(f"at least {least:.3f}", self.fails_with_figures(*args[2:], least))

    def test_limit_shards_and_the_run(self):
        many = self.many(10)
        args = ["eval", "-m", MODEL, many, "--db", self.db]
        self.assertEqual(self.document(*args, "--limit", "4")["images"], 4)
        got = self.document(*args, "--limit", "6")
        self.assertEqual((got["images"], got["from_cache"]), (6, 4))
        shard = [self.document(*args, "--shard", f"{i}/3", "--rerun")["images"] for i in (1, 2, 3)]
        self.assertEqual(sorted(shard), [3, 3, 4])
        self.assertEqual(self.document(*args, "--shard", "0/3")["images"], shard[2])
        slurm = {"SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_COUNT": "3"}
        self.assertEqual(self.document(*args, "--shard", "auto", env=slurm)["images"], shard[1])
        pod = {"JOB_COMPLETION_INDEX": "0"}
        self.assertEqual(self.document(*args, "--shard", "auto/3", env=pod)["images"], shard[2])
        self.fails(2, *args, "--shard", "auto", env=pod, says="auto/N")
        runs = self.document("runs", "--db", self.db)["runs"]
        self.assertEqual(len(runs), 1)
        self.assertEqual((runs[0]["state"], runs[0]["predicted"]), ("complete", 10))

    def test_name_and_default_database(self):
        root = self.pictures()
        self.xlens("eval", "-m", MODEL, root, "--name", "first")
        runs = self.document("runs")["runs"]
        self.assertEqual([r["name"] for r in runs], ["first"])
        self.assertTrue((self.tmp / "home/.local/share/xlens/xlens.db").exists())
        self.xlens("runs", env={"XDG_DATA_HOME": str(self.tmp / "elsewhere")}, status=3)

    def test_until(self):
        got = self.document("eval", "-m", MODEL, self.many(60), "--db", self.db, "--until", "±20")
        self.assertLess(got["images"], 60)

    def test_result_txt(self):
        root = self.pictures(broken=True)
        text = self.tmp / "r.txt"
        self.xlens("eval", "-m", MODEL, root, "--db", self.db, "--result_txt", text, "--label",
                   self.names(), status=1)
        lines = text.read_text().splitlines()
        self.assertEqual(len(lines), 5 * 12)
        for i, line in enumerate(lines):
            self.assertRegex(line, rf"^(bee|dog)/\d\d\.(jpg|png): Relay top-{i % 5} id: \d, "
                                   r"prob: [01]\.\d{8}, class name: [a-z]{3}$")
        self.assertEqual([l.split(":")[0] for l in lines[::5]],
                         sorted(str(p.relative_to(root)) for p in root.glob("*/[0-9]*")))

    def test_label_orders(self):
        """The devkit's ids are another order: 1-based, class 0 (tench) is 449."""
        folder = self.tmp / "flat"
        folder.mkdir()
        for i in (1, 2):
            shutil.copy(self.pictures() / "bee/00.jpg", folder / f"ILSVRC2012_val_{i:08}.JPEG")
        (folder / "val_label.txt").write_text("0\n1\n")
        args = ["eval", "-m", MODEL, folder, "--db", self.db]
        self.assertEqual(self.document(*args)["labelled"], 2)
        other = self.tmp / "other.txt"
        other.write_text("449\n450\n")
        got = self.document(*args, "--val_label", other, "--label-order", "ilsvrc")
        self.assertEqual(got["labelled"], 2)
        rows, _ = self.xlens("export", "--db", self.db, "--format", "csv", "-o", "-")
        self.assertEqual([l.split(",")[1] for l in rows.splitlines()[1:]], ["0", "1"])
        self.document(*args, "--val_label", other, "--label-order", "wnid")
        rows, _ = self.xlens("export", "--db", self.db, "--format", "csv", "-o", "-")
        self.assertEqual([l.split(",")[1] for l in rows.splitlines()[1:]], ["449", "450"])

    def test_labels_beyond_the_model(self):
        picture = self.pictures() / "bee/00.jpg"
        table = self.tmp / "t.csv"
        table.write_text(f"file,label\n{picture},99\n")
        _, err = self.xlens("eval", "-m", MODEL, table, "--db", self.db)
        self.assertIn("class 99, but the model has 10", err)
        _, err = self.xlens("eval", "-m", MODEL, table, "--db", self.db, "-q")
        self.assertEqual(err, "")


class Stopping(CliTest):
    def slow(self, n=400, side=299):
        return ["eval", "-m", MODEL, self.many(n), "--db", self.db, "-s", f"[3,{side},{side}]"]

    def endless(self):
        """Many seconds of work; stopped long before the end on a fast CPU, too."""
        return self.slow(side=899)

    def rows(self):
        out, _ = self.xlens("export", "--db", self.db, "--format", "csv", "-o", "-")
        return out

    def wait_for_rows(self, least=0):
        for _ in range(300):
            time.sleep(0.05)
            if os.path.exists(self.db):
                with self.start("runs", "--db", self.db, "--json") as p:
                    out, _ = p.communicate()
                if p.returncode == 0 and json.loads(out)["runs"]:
                    if json.loads(out)["runs"][0]["predicted"] > least:
                        return
        self.fail("no rows")

    def test_interrupt(self):
        args, done = self.endless(), 0
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start(*args, "--json")
            self.wait_for_rows(done)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
            self.assertEqual(process.returncode, 130, err)
            self.assertRegex(err.decode(), r"\Axlens: interrupted after \d+ of 400 pictures\n\Z")
            part = json.loads(out)
            self.assertLess(part["images"], 400)
            runs = self.document("runs", "--db", self.db)["runs"]
            self.assertEqual(runs[0]["predicted"], part["images"])
            done = part["images"]

    def test_second_interrupt(self):
        process = self.start(*self.endless())
        self.wait_for_rows()
        os.kill(process.pid, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130)

    def test_killed_again_and_again(self):
        args = self.slow()
        rounds, chance = 0, random.Random(4)
        while True:
            process = self.start(*args)
            try:
                process.communicate(timeout=chance.uniform(0.05, 0.5) * (1 + rounds / 5))
                self.assertEqual(process.returncode, 0)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                rounds += 1
            self.assertLess(rounds, 60)
        killed = self.rows()
        self.db = str(self.tmp / "calm.db")
        args[args.index("--db") + 1] = self.db
        self.xlens(*args)
        self.assertEqual(killed, self.rows())
        self.assertEqual(len(killed.splitlines()), 401)
        self.assertGreater(rounds, 0)

    def test_two_at_once(self):
        args = self.slow(100)
        first, second = self.start(*args, "--json"), self.start(*args, "--json")
        figures = []
        for process in (first, second):
            out, err = process.communicate(timeout=120)
            self.assertEqual((process.returncode, err), (0, b""))
            figures.append(json.loads(out))
        self.assertEqual(figures[0]["top1"], figures[1]["top1"])
        self.assertEqual(len(self.rows().splitlines()), 101)


class Jobs(CliTest):
    def state(self, wanted, job=1):
        for _ in range(200):
            jobs = self.document("jobs", "--db", self.db)["jobs"]
            found = [j for j in jobs if j["id"] == job][0]
            if found["state"] in wanted:
                return found
            time.sleep(0.1)
        self.fail(f"{found} is not {wanted}")

    def test_detached(self):
        args = ["eval", "-m", MODEL, self.many(1500), "--db", self.db, "-s", "[3,599,599]"]
        started = self.document(*args, "--detach")
        self.assertEqual(started["job"], 1)
        self.addCleanup(self.end, started["pid"])
        os.kill(started["pid"], 0)
        self.state({"running"})
        self.xlens("jobs", "--db", self.db, "pause", "1")
        paused = self.state({"paused"})
        time.sleep(1.5)
        self.assertEqual(self.state({"paused"})["done"], paused["done"])
        self.xlens("jobs", "--db", self.db, "resume", "1")
        self.state({"running"})
        self.xlens("jobs", "--db", self.db, "stop", "1")
        stopped = self.state({"stopped"})
        self.assertLess(stopped["done"], stopped["total"])
        out, _ = self.xlens("jobs", "--db", self.db)
        self.assertIn("stopped", out)
        # A second one goes on from there and ends by itself.
        out, _ = self.xlens(*args, "--detach", "--limit", stopped["done"] + 3)
        self.assertRegex(out, r"\Ajob 2, process \d+, log .*/home/.local/state/xlens/log\n\Z")
        self.assertEqual(self.state({"done"}, 2)["message"], None)
        log = (self.tmp / "home/.local/state/xlens/log").read_text()
        self.assertIn("[VACC]", log)

    def end(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def test_killed_job_is_failed(self):
        args = ["eval", "-m", MODEL, self.many(1500), "--db", self.db, "-s", "[3,599,599]"]
        pid = self.document(*args, "--detach")["pid"]
        self.end(pid)
        self.assertIn("gone", self.state({"failed"})["message"])

    def test_errors_of_the_start_are_told(self):
        root = self.pictures()
        self.fails(3, "eval", "-m", "nowhere.keras", root, "--db", self.db, "--detach",
                   says="nowhere.keras")
        self.fails(3, "eval", "-m", MODEL, "nowhere", "--db", self.db, "--detach", says="nowhere")
        self.xlens("eval", "-m", MODEL, root, "--db", self.db)
        self.fails(3, "jobs", "--db", self.db, "stop", "77", says="77")


main()
