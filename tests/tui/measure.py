#!/usr/bin/env python3
"""Figures, not a test: time to the first paint, answer to a key while all cores are busy, bytes
of a cursor move.

    measure.py PROGRAM DATASET [BUSY_THREADS [WIDTHxHEIGHT [KEYS]]]
"""

import os
import shutil
import statistics
import sys
import tempfile
import time

import harness


def cpu_seconds(pid):
    """User and system time of the first thread."""
    with open(f"/proc/{pid}/task/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    program, root = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    busy = sys.argv[3] if len(sys.argv) > 3 else str(os.cpu_count())
    size = tuple(int(n) for n in (sys.argv[4] if len(sys.argv) > 4 else "80x24").split("x"))
    keys = int(sys.argv[5]) if len(sys.argv) > 5 else 300
    folder = tempfile.mkdtemp(prefix="xlens-measure-")
    env = harness.environment(folder, TERM="xterm-256color", XLENS_FAKE_THREADS=busy,
                              XLENS_FAKE_DELAY="3600000", XLENS_TUI_TEST=None)
    try:
        start = time.perf_counter()
        with harness.Tty([program, "--evaluate", root], size, env, folder) as tty:
            tty.wait_bytes(b"xlens")
            print(f"first paint {1000 * (time.perf_counter() - start):.1f} ms")
            tty.quiet(1)
            delays, sizes = [], []
            before = cpu_seconds(tty.process.pid)
            for i in range(keys):
                total = 0
                while True:  # pictures that come after the key
                    more = tty.read(0.1)
                    total += len(more)
                    if not more:
                        break
                if sizes:
                    sizes[-1] += total
                start = time.perf_counter()
                tty.write(b"j" if i % 40 < 20 else b"k")
                data = tty.read(2)
                delays.append(1000 * (time.perf_counter() - start))
                sizes.append(len(data))
            spent = cpu_seconds(tty.process.pid) - before
            delays.sort()
            print(f"key to screen, {busy} busy threads, {size[0]}x{size[1]}: "
                  f"min {delays[0]:.2f} ms, median {statistics.median(delays):.2f} ms, "
                  f"p99 {delays[int(len(delays) * 0.99)]:.2f} ms, max {delays[-1]:.2f} ms")
            print(f"CPU of the screen thread a key: {1000 * spent / keys:.2f} ms "
                  f"(load average {os.getloadavg()[0]:.1f})")
            print(f"a cursor move with its picture: median {statistics.median(sizes):.0f} bytes, "
                  f"max {max(sizes)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
