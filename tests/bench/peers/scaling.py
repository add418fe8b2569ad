"""How the cost of the twelve networks (random weights) grows: with multiply-adds, with a second
thread, with pictures; and what instances and processes on one model share. Prints the tables of
docs/performance.md."""
import argparse, json, pathlib, statistics, subprocess, sys, time
import networks

ROOT = pathlib.Path(__file__).resolve().parents[3]
PICTURES = 20  # that calibrate an int8 network


def arguments():
    p = argparse.ArgumentParser(prog="scripts/bench-peers --scaling", description=__doc__)
    p.add_argument("xlens", type=pathlib.Path, help=argparse.SUPPRESS)
    p.add_argument("folder", type=pathlib.Path, help=argparse.SUPPRESS)
    p.add_argument("--precisions", type=lambda s: s.split(","), default=["float32", "bf16", "int8"])
    p.add_argument("--models", type=lambda s: s.split(","), default=networks.NAMES)
    p.add_argument("--seconds", type=float, default=1, help="of each turn; default: 1")
    p.add_argument("--turns", type=int, default=2, help="of one thread and of two each; default: 2")
    p.add_argument("--prepare", action="store_true", help="only write the networks")
    return p.parse_args()


def model(args, name, precision):
    """The file of a network; drawn pictures calibrate int8."""
    path = args.folder / f"{name}.safetensors"
    if not path.exists():
        networks.write(networks.make(name), path)
    if precision != "int8":
        return path
    out, pictures = args.folder / f"{name}-int8.safetensors", args.folder / "pictures"
    if not pictures.exists():
        subprocess.run([sys.executable, ROOT / "scripts/draw_pictures.py", pictures], check=True)
    if networks.stale(out, args.xlens):
        subprocess.run([args.xlens, "quantize", "-m", path, "--calib", pictures, "-n", str(PICTURES), "--allow-missing-classes",
                        "--force", "-o", out], check=True, stdout=subprocess.DEVNULL)
    return out


def command(args, path, precision, *more):
    return [str(c) for c in (args.xlens, "bench", "-m", path, "--precision", precision, "--json", "-t", args.seconds, *more)]


def bench(*of):
    done = subprocess.run(command(*of), stdout=subprocess.PIPE, text=True, check=True)  # what went wrong is on stderr
    return json.loads(done.stdout)


def both_threads(args, path, precision):
    """One thread and two in turns; the better median of each, as what disturbs only adds."""
    runs = [[bench(args, path, precision, "--threads", n) for n in (1, 2)] for _ in range(args.turns)]
    return [min(r, key=lambda one: one["latency_ms"]["p50"]) for r in zip(*runs)]


def print_networks(args, precision):
    print(f"\n{precision}, batch 1\n\n| network | GMAC | 1 thread, ms | 2 threads, ms | factor | ms / GMAC, 2 threads | share of peak |\n|---|---|---|---|---|---|---|")
    points, factors = [], []
    for name in args.models:
        one, two = both_threads(args, model(args, name, precision), precision)
        a, b, gmac = one["latency_ms"]["p50"], two["latency_ms"]["p50"], one["gmac_per_image"]
        points.append((gmac, b))
        factors.append(a / b)
        print(f"| {name} | {gmac:.3f} | {a:.1f} | {b:.1f} | {a / b:.2f} | {b / gmac:.2f} | {2e3 * gmac / b / two['peak_gflops']:.3f} |", flush=True)
    print(f"\nfactor {min(factors):.2f} to {max(factors):.2f}, median {statistics.median(factors):.2f}", end="")
    if len({x for x, _ in points}) > 1:
        x, y = zip(*points)
        slope, offset = statistics.linear_regression(x, y)
        print(f"; ms = {slope:.2f} x GMAC {offset:+.2f}, correlation {statistics.correlation(x, y):.4f}", end="")
    print()


def print_pictures(args, precision):
    path = model(args, args.models[0], precision)
    cells = [bench(args, path, precision, "--threads", 2, "-b", n, "--iterations", max(3, 24 // n), "-t", 30)["latency_ms"]["p50"] / n
             for n in (1, 2, 4, 8, 16)]
    print(f"| {precision} | " + " | ".join(f"{c:.2f}" for c in cells) + " |", flush=True)


def rollup(pid):
    """MiB of a process: Rss, Pss, and what others map too."""
    rows = dict(line.split()[:2] for line in open(f"/proc/{pid}/smaps_rollup").readlines()[1:])
    return [int(rows["Rss:"]) / 1024, int(rows["Pss:"]) / 1024, (int(rows["Shared_Clean:"]) + int(rows["Shared_Dirty:"])) / 1024]


def memory(args, path, precision, *more):
    """The sums over the processes that hold instances, half way through a run."""
    process = subprocess.Popen(command(args, path, precision, *more, "-t", 3), stdout=subprocess.DEVNULL)
    time.sleep(2)
    pids = [process.pid, *map(int, open(f"/proc/{process.pid}/task/{process.pid}/children").read().split())]
    sums = [sum(column) for column in zip(*map(rollup, pids))]
    process.wait()
    return sums


def print_memory(args, precision):
    path = model(args, args.models[0], precision)
    for title, more in (("1", ["-i", 1]), ("2 in one process", ["-i", 2]), ("2 in two processes", ["-i", 2, "-p", 2])):
        rss, pss, shared = memory(args, path, precision, "--threads", 2, *more)
        print(f"| {precision} | {title} | {rss:.0f} | {shared:.0f} | {pss:.0f} |", flush=True)


def main(args):
    args.folder.mkdir(parents=True, exist_ok=True)
    for precision in args.precisions:
        for name in args.models:
            model(args, name, precision)
    if args.prepare:
        return
    for precision in args.precisions:
        print_networks(args, precision)
    print(f"\n{args.models[0]}, 2 threads, ms a picture in batches of\n\n| precision | 1 | 2 | 4 | 8 | 16 |\n|---|---|---|---|---|---|")
    for precision in args.precisions:
        print_pictures(args, precision)
    print(f"\n{args.models[0]}, sums over the processes from smaps_rollup; Pss counts a page that n processes map once\n\n"
          "| precision | instances | Rss, MiB | of it shared | Pss, MiB |\n|---|---|---|---|---|")
    for precision in args.precisions:
        print_memory(args, precision)


main(arguments())
