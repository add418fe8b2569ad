#!/usr/bin/env python3
"""Random keys and resizes from a fixed seed; the program must live and give the terminal back.

    monkey_test.py PROGRAM [KEYS [SEED]]
"""

import fcntl
import os
import random
import shutil
import struct
import sys
import tempfile
import termios

import harness

# All but those that leave: q Q ^C ^Z ^\ and the commands that begin with them.
KEYS = [bytes([k]) for k in range(1, 127) if chr(k) not in "qQ\x03\x1a\x1c"]
KEYS += [b"\x1bOA", b"\x1bOB", b"\x1bOC", b"\x1bOD", b"\x1b[5~", b"\x1b[6~", b"\x1bOP",
         b"\x1b[Z", "é".encode(), "中".encode(), b"\xff", b"\x1b[1;5A"]
LIKELY = [bytes([k]) for k in b"jkhlGgitPMCwD?fe/sS vur:\r\x1b\tRpx123"]


def main():
    program = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    random.seed(seed)
    folder = tempfile.mkdtemp(prefix="xlens-monkey-")
    try:
        root = harness.dataset(folder)
        env = harness.environment(folder, TERM="xterm-256color", XLENS_FAKE_DELAY="5")
        with harness.Tty([program, root], (100, 30), env, folder) as tty:
            tty.wait_bytes(b"xlens")
            for i in range(count):
                if random.random() < 0.01:
                    size = random.choice(((1, 1), (20, 5), (40, 10), (80, 24), (100, 30),
                                          (200, 60), (300, 100)))
                    fcntl.ioctl(tty.master, termios.TIOCSWINSZ,
                                struct.pack("HHHH", size[1], size[0], 0, 0))
                tty.write(random.choice(LIKELY if random.random() < 0.7 else KEYS))
                tty.read(0.002 if i % 20 else 0.02)
                status = tty.process.poll()
                if status is not None:
                    tail = tty.bytes[-3000:].decode(errors="replace")
                    print(f"FAILED: seed {seed}: ended with {status} after {i} keys\n{tail}")
                    return 1
            tty.quiet()
            tty.write(b"\x1b")
            tty.quiet()
            tty.write(b"Q")
            status = tty.finish()
            if status != 0 or tty.settings() != tty.before:
                print(f"FAILED: seed {seed}: status {status} at the end, or settings differ\n"
                      + tty.bytes[-3000:].decode(errors="replace"))
                return 1
        print(f"ok: {count} keys, seed {seed}")
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
