"""Pictures a second of eval, from file to database, beside those of the engine alone on the same cores:
bench and eval take turns, each eval fills a database of its own. Options behind -- go to both
(-m MODEL, --head, --precision, --threads). The last line has the ratio of the medians."""
import argparse, json, os, statistics, subprocess, tempfile

p = argparse.ArgumentParser(prog="eval_rate.py", description=__doc__)
p.add_argument("xlens")
p.add_argument("dataset")
p.add_argument("--limit", type=int, default=200, help="pictures of an eval; default: 200")
p.add_argument("--seconds", type=float, default=10, help="of a bench; default: 10")
p.add_argument("--rounds", type=int, default=3)
p.add_argument("options", nargs="+", help="-- -m MODEL …")
args = p.parse_args()
threads = int(args.options[args.options.index("--threads") + 1]) if "--threads" in args.options else len(os.sched_getaffinity(0))


def run(*command):
    done = subprocess.run([args.xlens, *map(str, command), *args.options, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


rows = []
print("| round | engine, pictures/s | eval, pictures/s | ratio |\n|---|---|---|---|")
with tempfile.TemporaryDirectory() as folder:
    for i in range(args.rounds):
        # An instance a thread, as eval runs them.
        engine = run("bench", "-i", threads, "-t", args.seconds)["throughput_ips"]
        got = run("eval", args.dataset, "--db", f"{folder}/{i}.db", "--limit", args.limit)
        assert got["from_cache"] == 0, got
        rows.append((engine, got["images_per_second"]))
        print(f"| {i + 1} | {engine:.2f} | {rows[-1][1]:.2f} | {rows[-1][1] / engine:.3f} |", flush=True)
a, b = (statistics.median(column) for column in zip(*rows))
print(f"\n{b:.2f} of {a:.2f} pictures a second, {threads} instances, {got['images']} pictures: {100 * b / a:.1f} %")
