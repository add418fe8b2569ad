#!/usr/bin/env python3
"""Figures, not a test: time to the first paint, and from a key to its answer on the screen while
an evaluation runs, by whatever command line shows the list of pictures in 256 colours:

    measure.py [-s WIDTHxHEIGHT] [-k KEYS] [-p SECONDS] PROGRAM ARG…

    measure.py build/release/xlens FOLDER -m MODEL --evaluate
    XLENS_FAKE_THREADS=2 XLENS_FAKE_DELAY=3600000 measure.py tui_demo --evaluate FOLDER

The database is a fresh one. Keys come about SECONDS apart (default 0.1, a hand that leafs through).
"""

import argparse
import os
import random
import re
import shutil
import tempfile
import time

import harness

# The mark of the cursor in its colour on the ground of the selected line (tui/widget/style.def):
# only the answer to a key that moves writes it.
ANSWER = re.compile(rb"\x1b\[38;5;117m(\x1b\[48;5;238m)\xe2\x96\x8c"
                    rb"|\x1b\[48;5;238m(\x1b\[38;5;117m)\xe2\x96\x8c")

LINES = 6  # fewer than the list has on the smallest screen


def cpu_seconds(pid):
    """User and system time of the first thread, which owns the screen."""
    with open(f"/proc/{pid}/task/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


late = []  # milliseconds by which this process, which does nothing else, woke too late


def read_until(tty, end):
    """What comes until then."""
    data = b""
    while (left := end - time.perf_counter()) > 0:
        data += tty.read(left)
    late.append(1000 * (time.perf_counter() - end))
    return data


def answer(tty, key, patience):
    """Presses and waits; milliseconds until the mark was there."""
    start = time.perf_counter()
    tty.write(key)
    data = b""
    while not ANSWER.search(data):
        data += tty.read(0.1)
        assert time.perf_counter() < start + patience, f"no answer to {key}"
    return 1000 * (time.perf_counter() - start), len(data)


def press(tty, keys, pause):
    """Goes up and down on one page after the other; delays in milliseconds, bytes with the pictures
    that follow. Ordered by file, so that rows that arrive do not move the mark."""
    def rest():
        # At no fixed place in the program's own rhythm.
        return len(read_until(tty, time.perf_counter() + pause * random.uniform(0.5, 1.5)))
    def page_down():  # to the last line of the list
        tty.write(b"\x06")
        read_until(tty, time.perf_counter() + 0.3)
    tty.write(b":sort file\rg")
    page_down()
    delays, sizes = [], []
    for i in range(keys):
        delay, size = answer(tty, b"k" if i % (2 * LINES) < LINES else b"j", 2)
        delays.append(delay)
        sizes.append(size + rest())
        if i % (2 * LINES) == 2 * LINES - 1:
            page_down()
    return sorted(delays), sorted(sizes)


def first_paint(tty, start):
    data = b""
    while not ANSWER.search(data):
        data += tty.read(0.1)
        assert time.perf_counter() < start + harness.TIMEOUT, "no list of pictures"
    print(f"first paint {1000 * (time.perf_counter() - start):.1f} ms")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("-s", default="80x24")
    parser.add_argument("-k", type=int, default=300)
    parser.add_argument("-p", type=float, default=0.1)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    size = tuple(int(n) for n in args.s.split("x"))
    command = [os.path.abspath(args.command[0]), *args.command[1:]]
    folder = tempfile.mkdtemp(prefix="xlens-measure-")
    env = harness.environment(folder, TERM="xterm-256color", XLENS_TUI_TEST=None,
                              XDG_DATA_HOME=folder)
    try:
        start = time.perf_counter()
        with harness.Tty(command, size, env, os.getcwd()) as tty:
            first_paint(tty, start)
            read_until(tty, time.perf_counter() + 1)
            before = cpu_seconds(tty.process.pid)
            delays, sizes = press(tty, args.k, args.p)
            spent = cpu_seconds(tty.process.pid) - before
            at = [delays[int(len(delays) * share)] for share in (0, 0.5, 0.9, 0.99)]
            print(f"key to screen at {args.s}: min {at[0]:.2f} ms, median {at[1]:.2f} ms, p90 "
                  f"{at[2]:.2f} ms, p99 {at[3]:.2f} ms, max {delays[-1]:.2f} ms")
            late.sort()
            print(f"a sleeper on this machine meanwhile: median {late[len(late) // 2]:.2f} ms late, "
                  f"p99 {late[int(len(late) * 0.99)]:.2f} ms")
            print(f"CPU of the screen thread a key, pictures included: {1000 * spent / args.k:.2f} ms")
            print(f"bytes of a key with its picture: median {sizes[len(sizes) // 2]}, "
                  f"max {sizes[-1]}")
            tty.write(b"Q")
            tty.finish()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
