"""The twelve networks with random weights: time against multiply-adds, one thread against two,
and the memory of two processes against one.
    scaling.py XLENS FOLDER [SECONDS]
FOLDER keeps the networks. numpy is all that it needs."""
import json, pathlib, subprocess, sys
import networks

xlens, folder = sys.argv[1], pathlib.Path(sys.argv[2])
seconds = sys.argv[3] if len(sys.argv) > 3 else "1.5"


def bench(path, *more):
    out = subprocess.run([xlens, "bench", "-m", path, "--json", "-t", seconds, *more], capture_output=True, text=True, check=True)
    return json.loads(out.stdout)


folder.mkdir(parents=True, exist_ok=True)
paths = [folder / f"{name}.safetensors" for name in networks.NAMES]
for name, path in zip(networks.NAMES, paths):
    if not path.exists():
        networks.write(networks.make(name), path)
if seconds == "0":
    sys.exit("the networks are written")
print("| network | GMAC | 1 thread, ms | 2 threads, ms | factor | ms / GMAC, 2 threads | share of peak |\n|---|---|---|---|---|---|---|")
for name, path in zip(networks.NAMES, paths):
    one, two = (bench(path, "--threads", str(n)) for n in (1, 2))
    a, b = one["latency_ms"]["p50"], two["latency_ms"]["p50"]
    gmac = one["gmac_per_image"]
    print(f"| {name} | {gmac:.3f} | {a:.1f} | {b:.1f} | {a / b:.2f} | {b / gmac:.2f} | {2 * gmac / b * 1e3 / two['peak_gflops']:.3f} |", flush=True)
one, two = (bench(paths[0], "-i", "2", "-p", p, "--threads", "2") for p in "12")
print(f"\n{networks.NAMES[0]}, two instances: {one['pss_mib']:.0f} MiB in one process, {two['pss_mib']:.0f} MiB in two (proportional set size)")
