"""xlens and other engines on the same network with the same weights, timed in turns."""
import argparse, datetime, itertools, json, os, pathlib, platform, statistics, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CALIBRATION = 32  # pictures
ENGINES = ["xlens", "onnxruntime", "openvino", "onednn", "mnn", "ncnn"]
PRECISIONS = {"onnxruntime": ["float32", "int8"], "openvino": ["float32", "bf16", "int8"], "onednn": ["float32", "bf16"],
              "mnn": ["float32", "int8"], "ncnn": ["float32", "bf16"], "torch": ["float32", "bf16"]}
LACKS = {("onnxruntime", "bf16"): "its CPU kernels for convolutions take no bf16",
         ("mnn", "bf16"): "asked for low_bf16, its wheel computes in float32: the same bits",
         ("ncnn", "int8"): "its quantizer (ncnn2table, ncnn2int8) is not in its wheel",
         ("onednn", "int8"): "brings kernels but no quantizer; openvino's row runs such kernels",
         ("torch", "int8"): "its quantizer moved to another package"}
STUCK = 1200  # seconds for a conversion


def arguments():
    p = argparse.ArgumentParser(prog="scripts/bench-peers", description=__doc__)
    numbers = {"type": lambda s: [int(n) for n in s.split(",")]}
    words = {"type": lambda s: s.split(",")}
    p.add_argument("--models", **words, default=["timm_xception", "timm_xception65"],
                   help="names, for random weights (networks.py has the twelve), or model files; default: timm_xception,timm_xception65")
    p.add_argument("--head", help="as xlens --head, for model files")
    p.add_argument("--precisions", **words, default=["float32", "bf16", "int8"])
    p.add_argument("--threads", **numbers, default=[2, 1])
    p.add_argument("--batches", **numbers, default=[1, 8])
    p.add_argument("--engines", **words, help="default: xlens and all that are installed")
    p.add_argument("--size", type=int, default=299, help="of the picture")
    p.add_argument("--isa", choices=["avx2", "avx512"],
                   help="no engine computes with anything above it (avx512: neither VNNI nor bf16 units); onnxruntime, mnn and ncnn have no switch for it and are shown a smaller CPU")
    p.add_argument("--pictures", help="folder for calibration and input; default: drawn ones")
    p.add_argument("--seconds", type=float, default=30, help="for the turns of one case, at least 3 rounds; default: 30")
    p.add_argument("--quick", action="store_true", help="float32 and the first model, 3 rounds a case")
    p.add_argument("--torch", action="store_true", help="install torch and time it too (some GB)")
    p.add_argument("--prepare", action="store_true", help="only write the models of every engine")
    p.add_argument("--json", type=pathlib.Path, help="add the figures to this file, case by case")
    p.add_argument("--print", action="store_true", help="only print the tables of the file of --json")
    for hidden in ("--xlens", "--worker", "--cache"):
        p.add_argument(hidden, type=pathlib.Path, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.quick:
        args.models, args.precisions, args.seconds = args.models[:1], ["float32"], 0
    args.engines = args.engines or ENGINES + ["torch"] * args.torch
    return args


arguments_given = arguments()  # --help needs none of what follows
import numpy as np
import convert, limit, networks
from turns import Gone, Worker, in_turns


def run(command):
    """Gone with the command's last words when it fails or hangs."""
    try:
        done = subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              timeout=STUCK, errors="replace")
    except subprocess.TimeoutExpired:
        raise Gone(f"not done in {STUCK} s")
    if done.returncode:
        raise Gone((done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1].removeprefix("xlens: "))


class Subject:
    """A network with its folder of files: the model for each engine, pictures, inputs."""

    def __init__(self, args, name):
        path = pathlib.Path(name)
        self.args, self.name = args, path.stem if path.is_file() else name
        self.folder = args.cache / f"{self.name}-{args.size}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.native = self.folder / "net.safetensors"
        if not self.native.exists():
            if path.is_file():
                head = ["--head", args.head] if args.head else []
                self.xlens("convert", "-m", path, *head, "-o", self.native)
            else:
                networks.write(networks.make(name), self.native)
        net = networks.read(self.native)
        self.gmac = 1e-9 * sum(net.tensors[n["name"] + ".weight"].size * h * w
                               for n, (h, w, _) in zip(net.nodes, net.shapes(args.size))
                               if n["op"] in ("conv", "depthwise", "dense"))
        self.pictures = self.folder / "pictures"
        if not self.pictures.exists():
            if args.pictures:
                self.pictures.symlink_to(pathlib.Path(args.pictures).resolve())
            else:
                subprocess.run([sys.executable, ROOT / "scripts/draw_pictures.py", self.pictures], check=True)
        self.write_inputs()

    def xlens(self, *command):
        run([self.args.xlens, *command])

    def shape(self):
        return f"[3,{self.args.size},{self.args.size}]"

    def write_inputs(self):
        """calib.f32, preprocessed pictures spread over the folder, and an input a batch size."""
        calib = self.folder / "calib.f32"
        if not calib.exists():
            files = sorted(p for p in self.pictures.resolve().rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
            chosen, npz = self.folder / "chosen.txt", self.folder / "npz.txt"
            n = min(CALIBRATION, len(files))
            chosen.write_text("".join(f"{files[i * len(files) // n]}\n" for i in range(n)))
            self.xlens("npz", "--preprocessed", "-m", self.native, "-s", self.shape(), "--dataset_path", chosen,
                       "--target_path", self.folder / "npz", "--text_path", npz)
            np.concatenate([np.load(line)["input_0"] for line in npz.read_text().splitlines()]).astype("<f4").tofile(calib)
        x = np.fromfile(calib, "<f4").reshape(-1, 3, self.args.size, self.args.size)
        for batch in self.args.batches:
            np.resize(x, (batch, *x.shape[1:])).tofile(self.folder / f"input-b{batch}.f32")

    def model(self, engine, precision, batch):
        """The file that an engine opens; written when it is not there."""
        if engine == "xlens":
            out = self.folder / "xlens-int8.safetensors" if precision == "int8" else self.native
            if precision == "int8" and networks.stale(out, self.args.xlens):
                self.xlens("quantize", "-m", self.native, "--calib", self.pictures, "--allow-missing-classes", "-s",
                           self.shape(), "--force", "-o", out)
            return out
        if precision not in PRECISIONS[engine]:
            raise Gone(f"no {precision}: {LACKS[engine, precision]}")
        out = convert.model_file(engine, precision, self.folder, batch)
        if not out.exists():
            try:
                run([sys.executable, "-B", HERE / "convert.py", engine, precision, self.folder, self.args.size, batch])
            except Gone as why:
                raise Gone(f"cannot convert: {why}")
        return out

    def worker(self, engine, precision, threads, batch):
        model = self.model(engine, precision, batch)
        common = [threads, batch, self.args.size, self.folder / f"input-b{batch}.f32"]
        if engine == "xlens":
            return Worker(engine, [self.args.worker, model, precision, *common] + [self.args.isa] * bool(self.args.isa))
        mask = self.args.worker.with_name("cpuid_mask.so")
        env = limit.environment(engine, self.args.isa, self.args.cache, mask) if self.args.isa else None
        return Worker(engine, [sys.executable, "-B", HERE / "worker.py", engine, precision, model, *common], env)


def row(w, gone, times, firsts, batch, folder, logits):
    if w.engine in gone:
        raise Gone(gone[w.engine])
    return {"engine": w.engine, "version": w.version, "ms": statistics.median(times) / batch * 1e3, "best_ms": min(times) / batch * 1e3,
            "mib": w.peak_mib(), "first_s": statistics.median(firsts), "runs": len(times),
            "difference": float(np.abs(w.logits(folder) - logits).max() / np.ptp(logits))}


def measure(subject, precision, threads, batch):
    """What every engine did; one that cannot run has its reason instead."""
    args, workers, rows, firsts = subject.args, [], [], {}
    try:
        # Outputs are compared with xlens' float32, and the peak is measured by it.
        base = subject.worker("xlens", "float32", threads, batch)
        logits = base.logits(subject.folder)
        base.engine = "peak"
        workers.append(base)
        for engine in args.engines:
            try:
                starts = 3 if batch == 1 and not args.quick else 1
                for i in range(starts):
                    w = subject.worker(engine, precision, threads, batch)
                    firsts.setdefault(engine, []).append(w.first)
                    if i < starts - 1:
                        w.close()
                workers.append(w)
            except Gone as why:
                rows.append({"engine": engine, "refused": str(why)})
        times, peaks, gone, others, stolen = in_turns(workers, batch, args.seconds, 3)
        for w in workers[1:]:
            try:
                rows.append(row(w, gone, times[w.engine], firsts[w.engine], batch, subject.folder, logits))
            except Gone as why:
                rows.append({"engine": w.engine, "refused": str(why)})
        return {"model": subject.name, "size": args.size, "precision": precision, "threads": threads, "batch": batch,
                "isa": args.isa, "limited": limit.LIMITED, "gmac": subject.gmac, "peak": statistics.median(peaks),
                "others": others, "stolen": stolen, "date": f"{datetime.date.today()}", "rows": rows}
    finally:
        for w in workers:
            w.close()


def print_cpu():
    first = open("/proc/cpuinfo").read().split("\n\n")[0]
    get = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in first.split("\n"))}.get
    print(f"{get('model name')}, family {get('cpu family')} model {get('model')} stepping {get('stepping')}, "
          f"{len(os.sched_getaffinity(0))} CPUs, Linux {platform.release()}")


def limited(case):
    """The engines that keep below an instruction set; files from before the masks do not name them."""
    return case.get("limited", ["xlens", *limit.SWITCHES])


def said_limit(case):
    ran = [r["engine"] for r in case["rows"] if "ms" in r]
    below, free = ([e for e in ran if (e in limited(case)) == keeps] for keeps in (True, False))
    return f"nothing above {case['isa']} in {', '.join(below)}" + (f"; {', '.join(free)}: no such limit" if free else "")


def print_table(case):
    own = next((r["ms"] for r in case["rows"] if r["engine"] == "xlens" and "ms" in r), None)
    print(f"\n{case['model']} at {case['size']}, {case['gmac']:.3f} GMAC, {case['precision']}, batch {case['batch']}, "
          f"{case['threads']} thread{'s' * (case['threads'] > 1)}"
          + (f", {said_limit(case)}" if case["isa"] else "")
          + f"; peak {case['peak']:.0f} GFLOP/s = {2e3 * case['gmac'] / case['peak']:.1f} ms a picture; "
          f"others had {100 * case['others']:.1f} % of the CPUs, the host {100 * case['stolen']:.1f} %; {case['date']}")
    print(f"  {'engine':<22} {'ms':>7} {'best':>7} {'/xlens':>6} {'% peak':>6} {'difference':>10} {'MiB':>5} {'first s':>7} {'runs':>4}")
    for r in sorted(case["rows"], key=lambda r: r.get("ms", 1e9)):
        if "refused" in r:
            print(f"  {r['engine']:<22} {r['refused']}")
            continue
        print(f"  {r['engine'] + ' ' + r['version']:<22} {r['ms']:7.2f} {r['best_ms']:7.2f} "
              + (f"{r['ms'] / own:6.2f}" if own else f"{'-':>6}")
              + f" {2e5 * case['gmac'] / r['ms'] / case['peak']:6.1f} {r['difference']:10.1e} {r['mib']:5.0f} "
              f"{r['first_s']:7.2f} {r['runs']:4d}")
    sys.stdout.flush()


def print_summary(cases):
    """One row a case: the time of xlens, its share of the peak, and how many times as long each other took
    (* where it was not kept below the instruction set)."""
    others = [e for e in [*ENGINES[1:], "torch"] if any(r["engine"] == e and "ms" in r for c in cases for r in c["rows"])]
    columns = ["network", "precision", "batch", "threads", "peak, GFLOP/s", "xlens, ms", "% peak", *others]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for c in cases:
        ms = {r["engine"]: r["ms"] for r in c["rows"] if "ms" in r}
        own = ms.get("xlens")
        cells = [c["model"] + (f", {c['isa']}" if c["isa"] else ""), c["precision"], c["batch"], c["threads"], f"{c['peak']:.0f}"]
        cells += [f"{own:.2f}", f"{2e5 * c['gmac'] / own / c['peak']:.1f}"] if own else ["-", "-"]
        free = {e: "*" for e in others if c["isa"] and e not in limited(c)}
        cells += [f"{ms[e] / own:.2f}{free.get(e, '')}" if own and e in ms else "-" for e in others]
        print(f"| {' | '.join(map(str, cells))} |")


def prepare(subject, args):
    for precision, batch, engine in itertools.product(args.precisions, args.batches, args.engines):
        try:
            subject.worker(engine, precision, args.threads[0], batch).close()
        except Gone as why:
            print(f"{subject.name} {precision} batch {batch}: {engine}: {why}", flush=True)


def main(args):
    old = json.loads(args.json.read_text()) if args.json and args.json.exists() else []
    print_cpu()
    cases = old if args.print else []
    for case in cases:
        print_table(case)
    for name in [] if args.print else args.models:
        try:
            subject = Subject(args, name)
        except Gone as why:
            sys.exit(f"bench-peers: {name}: {why}")
        if args.prepare:
            prepare(subject, args)
            continue
        for precision, batch, threads in itertools.product(args.precisions, args.batches, args.threads):
            try:
                cases.append(measure(subject, precision, threads, batch))
            except Gone as why:
                print(f"\n{name}, {precision}, batch {batch}, {threads} threads: xlens: {why}", flush=True)
                continue
            print_table(cases[-1])
            if args.json:
                args.json.write_text(json.dumps(old + cases, indent=1) + "\n")
    if cases:
        print_summary(cases)


try:
    main(arguments_given)
except KeyboardInterrupt:
    sys.exit(130)
