"""bench: its figures hang together, its options do what they say, processes share weights."""
import json, os, pathlib, re, signal, struct, time
from harness import CliTest, LABEL_NAMES, MODEL, main

KEYS = set("arch precision isa batch instances processes threads throughput_ips latency_ms gmac_per_image "
           "gflops peak_gflops fraction_of_peak peak_rss_mib".split())


def wide_model(path, width=2048):
    """A native file of 34 MB: three convolutions and a classifier."""
    window = {"stride": 1, "dilation": 1, "pad": [0, 0, 0, 0]}
    nodes = [{"name": "x", "op": "input", "channels": 3}]
    for i, (k, stride, channels) in enumerate(((3, 4, 64), (1, 1, width), (1, 1, width), (1, 1, width))):
        nodes.append({"name": f"c{i}", "op": "conv", "in": [i], "channels": channels, **window,
                      "kernel": [k, k], "stride": stride})
    nodes += [{"name": "g", "op": "globalpool", "in": [4], "channels": width},
              {"name": "d", "op": "dense", "in": [5], "channels": 10}]
    shapes = {"c0": [3, 3, 3, 64], "c1": [1, 1, 64, width], "c2": [1, 1, width, width],
              "c3": [1, 1, width, width], "d": [width, 10]}
    header = {"__metadata__": {"xlens.format": "1", "xlens.graph": json.dumps(nodes), "xlens.arch": "wide",
                               "xlens.input": "3,64,64", "xlens.preprocess": "xception"}}
    at = 0
    for name, shape in shapes.items():
        size = 4
        for n in shape:
            size *= n
        header[f"{name}.weight"] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    path.write_bytes(struct.pack("<Q", len(text)) + text + struct.pack("<f", 1e-3) * (at // 4))


def children(pid):
    return [int(n) for n in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Bench(CliTest):
    def bench(self, *args, **kw):
        return self.document("bench", "-m", MODEL, *args, **kw)

    def test_figures_hang_together(self):
        got = self.bench("--iterations", "20", "-b", "2", "--threads", "2")
        self.assertLessEqual(KEYS, set(got))
        self.assertEqual((got["arch"], got["precision"], got["batch"], got["instances"], got["processes"],
                          got["threads"], got["samples"]), ("keras_xception", "float32", 2, 1, 1, 2, 40))
        latency = got["latency_ms"]
        self.assertEqual(set(latency), set("p50 p90 p95 p99 mean min max".split()))
        order = [latency[k] for k in "min p50 p90 p95 p99 max".split()]
        self.assertEqual(order, sorted(order))
        self.assertGreater(order[0], 0)
        self.assertLess(latency["mean"], latency["max"] + 1e-9)
        info = self.document("info", MODEL)
        self.assertAlmostEqual(got["gmac_per_image"], info["macs"] * 1e-9)
        self.assertAlmostEqual(got["gflops"], 2 * got["gmac_per_image"] * got["throughput_ips"], 6)
        self.assertAlmostEqual(got["fraction_of_peak"], got["gflops"] / got["peak_gflops"])
        self.assertTrue(0 < got["fraction_of_peak"] < 1)
        # One instance: a batch after the other, so the rate is that of the mean latency; what lies
        # between two batches is less than a fifth even of so small a network.
        rate = 2e3 / latency["mean"]
        self.assertTrue(.8 * rate < got["throughput_ips"] <= 1.001 * rate, (rate, got))
        self.assertGreater(got["peak_rss_mib"], 1)

    def test_the_model_is_chosen_as_everywhere(self):
        names = self.tmp / "names.txt"
        names.write_text("".join(f"{n}\n" for n in LABEL_NAMES))
        self.bench("--arch", "keras_xception", "--precision", "float32", "--label", names, "--preprocess",
                   "xception", "--iterations", "1")
        for option in ("--head", "--label"):
            self.fails(3, "bench", "-m", MODEL, option, self.tmp / "missing", says="missing")

    def test_instances_processes_batch(self):
        got = self.bench("--instances", "3", "--processes", "2", "-b", "2", "--iterations", "4", "--threads", "2")
        self.assertEqual((got["instances"], got["processes"], got["samples"]), (3, 2, 24))
        self.assertEqual(self.bench("-p", "2", "--iterations", "1")["instances"], 2)
        got = self.bench("-i", "1:3", "--batch_size", "1", "--iterations", "2")
        self.assertEqual([g["instances"] for g in got], [1, 2, 3])
        self.assertEqual([g["instances"] for g in self.bench("-i", "2:2", "--iterations", "1")], [2])
        _, err = self.xlens("bench", "-m", MODEL, "-i", "1", "p", "1", "-b", "1", "--iterations", "1")
        self.assertIn("p 1 is taken for -p 1", err)

    def test_size_changes_the_work(self):
        small, large = (self.bench("-s", f"[3,{n},{n}]", "--iterations", "2") for n in (75, 150))
        self.assertEqual(large["input"], [3, 150, 150])
        self.assertGreater(large["gmac_per_image"], 3 * small["gmac_per_image"])

    def test_time(self):
        got = self.bench("-t", "0.5")
        self.assertTrue(.5 <= got["seconds"] < 2, got["seconds"])
        got = self.bench("--forward_time", "30", "--iterations", "3")
        self.assertEqual(got["samples"], 3)

    def test_forward_mode(self):
        # A batch that waits while the one before runs takes two runs from end to end.
        got = self.bench("--forward_mode", "0", "--iterations", "40")
        self.assertGreater(got["e2e_latency_ms"]["p50"], 1.5 * got["latency_ms"]["p50"])
        got = self.bench("--forward_mode", "1", "--iterations", "40")
        self.assertLess(got["e2e_latency_ms"]["p50"], 1.5 * got["latency_ms"]["p50"])
        self.assertGreaterEqual(got["e2e_latency_ms"]["min"], got["latency_ms"]["min"])

    def test_percentiles(self):
        for text in ("[0,25,99.9,100]", "0,25,99.9,100"):
            latency = self.bench("--percentiles", text, "--iterations", "9")["latency_ms"]
            self.assertEqual(set(latency), {"p0", "p25", "p99.9", "p100", "mean", "min", "max"})
            self.assertEqual((latency["p0"], latency["p100"]), (latency["min"], latency["max"]))
            self.assertLessEqual(latency["p25"], latency["p99.9"])
        # A key comes once; json.loads would hide a second one.
        out, _ = self.xlens("bench", "-m", MODEL, "--json", "--percentiles", "50,90,50.0", "--iterations", "1")
        self.assertEqual((out.count('"p50"'), out.count('"p90"')), (2, 2))

    def test_layers(self):
        got = self.bench("--layers", "--iterations", "10", "-b", "2")
        info = self.document("info", MODEL)
        self.assertEqual([l["name"] for l in got["layers"]], [l["name"] for l in info["layers"]])
        self.assertEqual([l["op"] for l in got["layers"]], [l["op"] for l in info["layers"]])
        # Times are a picture's and leave nothing out; all work is in some layer.
        self.assertAlmostEqual(sum(l["ms"] for l in got["layers"]) / (got["latency_ms"]["mean"] / 2), 1, 1)
        work = sum(l["ms"] * l["gflops"] for l in got["layers"] if l["gflops"] is not None)
        self.assertAlmostEqual(work / 2 * 1e-3, got["gmac_per_image"], 6)
        out, _ = self.xlens("bench", "-m", MODEL, "--layers", "--iterations", "2")
        self.assertRegex(out, r"(?m)^layer +op +kernel +ms +% time +GFLOP/s +% peak$")
        self.assertRegex(out, r"(?m)^\S+ +pointwise +gemm_f32_\S+ +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+$")

    def test_peak(self):
        got = self.bench("--peak", "--iterations", "1", "--threads", "2", "--isa", "scalar")
        self.assertEqual([(p["isa"], p["threads"]) for p in got["peaks"]], [("scalar", 1), ("scalar", 2)])
        self.assertTrue(all(p["gflops"] > .1 for p in got["peaks"]))
        out, _ = self.xlens("bench", "-m", MODEL, "--peak", "--iterations", "1", "--threads", "1")
        self.assertRegex(out, r"(?m)^peak +1 thread +\(GFLOP/s\)\nscalar +[\d.]+$")

    def test_instruction_set(self):
        got = self.bench("--isa", "scalar", "--iterations", "1")
        self.assertEqual(got["isa"], "scalar")
        self.assertTrue(got["kernels"] and all(k.endswith("_scalar") for k in got["kernels"]), got["kernels"])

    def test_block(self):
        out, _ = self.xlens("bench", "-m", MODEL, "-i", "2", "--iterations", "3", "-b", "2", "--isa", "scalar",
                            "--threads", "2")
        self.assertIn("  samples: 12\n", out)
        self.expect("bench.txt", re.sub(r"(?<=: )[\d.e+]+(?=$| GMAC| GFLOP| MiB)|(?<=, )[\d.]+(?= GFLOP| MiB)", "N", out, flags=re.M))

    def test_help(self):
        out, _ = self.xlens("bench", "--help")
        self.expect("help_bench.txt", out)

    def test_wrong_usage(self):
        for text in ("0", "x", "2:1", ":", "1:", ":2", "1:2:3", "1-2", "1:2000", "1.5"):
            self.fails(2, "bench", "-m", MODEL, "-i", text, says=["-i " + text, "A:B"])
        for text in ("", "[", "[50", "50]", "[50,,90]", "[-1]", "[101]", "p50", "nan", ",".join(map(str, range(17)))):
            self.fails(2, "bench", "-m", MODEL, "--percentiles", text, says=["--percentiles", "[50,90,95,99]"])
        self.fails(2, "bench", "-m", MODEL, "-i", "1", "-p", "2", says="processes")
        self.fails(2, "bench", "-m", MODEL, "-i", "1:4", "-p", "2", says="processes")
        self.fails(2, "bench", "-m", MODEL, "--forward_mode", "2", says="--forward_mode")
        self.fails(2, "bench", "-m", MODEL, "--iterations", "0", says="--iterations")
        self.fails(2, "bench", "-m", MODEL, "-t", "0", says="-t")
        self.fails(2, "bench", "-m", MODEL, "q", "1", says="q")
        self.fails(2, "bench", says="-m")
        self.fails(3, "bench", "-m", MODEL, "-s", "[3,5,5]")
        self.fails(3, "bench", "-m", self.tmp / "none.keras", says="none.keras")

    def test_processes_share_the_weights(self):
        model = self.tmp / "wide.safetensors"
        wide_model(model)
        one = self.document("bench", "-m", model, "--iterations", "3", "-i", "2", "--threads", "2")
        two = self.document("bench", "-m", model, "--iterations", "3", "-i", "2", "-p", "2", "--threads", "2")
        self.assertGreater(one["pss_mib"], 34)
        # A second copy of the 34 MB would nearly double it.
        self.assertLess(two["pss_mib"], 1.5 * one["pss_mib"])
        self.assertGreaterEqual(two["peak_rss_mib"], two["pss_mib"])

    # ---- ends ----

    def start_processes(self):
        process = self.start("bench", "-m", MODEL, "-p", "2", "-t", "60", "--threads", "2")
        end = time.monotonic() + 30
        while len(children(process.pid)) < 2 and time.monotonic() < end:
            time.sleep(.01)
        self.assertEqual(len(children(process.pid)), 2)
        return process, children(process.pid)

    def test_a_process_that_dies(self):
        process, pids = self.start_processes()
        os.kill(pids[1], signal.SIGKILL)
        out, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (1, b""))
        self.assertRegex(err.decode(), r"\Axlens: bench: process 2 of 2 [^\n]+\n\Z")

    def test_interrupted(self):
        process, pids = self.start_processes()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, err)
        self.assertFalse([p for p in pids if os.path.exists(f"/proc/{p}")])


main()
