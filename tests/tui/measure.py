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
            for i in range(keys):
                while tty.read(0.15):  # pictures that come after the key
                    pass
                start = time.perf_counter()
                tty.write(b"j" if i % 40 < 20 else b"k")
                data = tty.read(2)
                delays.append(1000 * (time.perf_counter() - start))
                sizes.append(len(data))
            delays.sort()
            print(f"key to screen, {busy} busy threads, {size[0]}x{size[1]}: "
                  f"median {statistics.median(delays):.2f} ms, "
                  f"p99 {delays[int(len(delays) * 0.99)]:.2f} ms, max {delays[-1]:.2f} ms")
            print(f"first write of a cursor move: median {statistics.median(sizes):.0f} bytes, "
                  f"max {max(sizes)}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
