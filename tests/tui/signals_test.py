#!/usr/bin/env python3
"""The terminal comes back after every way to end.

    signals_test.py PROGRAM [NAME…]
"""

import os
import signal
import sys
import time

import harness

RMCUP, SHOW_CURSOR = b"\x1b[?1049l", b"\x1b[?25h"
POLITE = ("SIGTERM", "SIGHUP", "SIGQUIT")
FATAL = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP")


def start(program, folder, delay, *args):
    root = os.path.join(folder, "kitchen")
    if not os.path.isdir(root):
        harness.dataset(folder)
    env = harness.environment(folder, TERM="xterm-256color", XLENS_FAKE_DELAY=str(delay),
                              ASAN_OPTIONS="handle_segv=0:handle_abort=0:detect_leaks=0")
    tty = harness.Tty([program, *args, root], (100, 30), env, folder)
    tty.wait_bytes(b"xlens")
    return tty


def restored(tty):
    out = tty.bytes
    assert out.rfind(RMCUP) > out.rfind(b"\x1b[?1049h"), "the alternate screen was not left"
    assert out.rfind(SHOW_CURSOR) > out.rfind(b"\x1b[?25l"), "the cursor stayed hidden"
    assert b"\x1b[?1000h" not in out and b"\x1b[?2004h" not in out
    assert tty.settings() == tty.before, "the terminal settings were not restored"


def by_signal(name, what, args, delay, keys):
    def test(program, folder):
        with start(program, folder, delay, *args) as tty:
            if delay:
                time.sleep(0.5)
            else:
                tty.quiet()
            if keys:
                tty.write(keys)
                tty.read(0.5)
            os.kill(tty.process.pid, getattr(signal, name))
            status = tty.finish()
            assert status == -getattr(signal, name), f"ended with {status}"
            restored(tty)
            if name in FATAL:
                assert tty.bytes.rfind(b"crashed") > tty.bytes.rfind(RMCUP), "no word of it"
    return f"{name}-{what}", test


def keyboard_interrupt(program, folder):
    """^C stops the evaluation first, and only then leaves."""
    with start(program, folder, 200, "--evaluate") as tty:
        time.sleep(0.5)
        tty.write(b"\x03")
        tty.quiet(0.6)
        assert tty.process.poll() is None
        tty.write(b"\x03")
        assert tty.finish() == 0
        restored(tty)


def hangup(program, folder):
    """The terminal goes away: the program must not spin."""
    tty = start(program, folder, 0)
    tty.quiet()
    os.close(tty.slave)
    os.close(tty.master)
    end = time.monotonic() + 5
    while tty.process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    ended = tty.process.poll() is not None
    tty.process.kill()
    tty.process.wait()
    assert ended, "it is still running without a terminal"


def flow_control(program, folder):
    """^S is no way to freeze the screen."""
    with start(program, folder, 0) as tty:
        tty.quiet()
        tty.write(b"\x13\x16\x0fq")
        assert tty.finish() == 0
        restored(tty)


def quits(program, folder):
    with start(program, folder, 0) as tty:
        tty.quiet()
        tty.write(b"q")
        assert tty.finish() == 0
        restored(tty)


def continued(program, folder):
    """Stopped and continued from outside: the screen is drawn anew."""
    with start(program, folder, 0) as tty:
        tty.quiet()
        os.kill(tty.process.pid, signal.SIGSTOP)
        time.sleep(0.1)
        tty.bytes = b""
        os.kill(tty.process.pid, signal.SIGCONT)
        tty.wait_bytes(b"xlens")
        tty.write(b"q")
        assert tty.finish() == 0
        restored(tty)


def ascii_stream(program, folder):
    """Under LC_ALL=C nothing but ASCII is written; without colour no colour is set."""
    root = harness.dataset(folder)
    env = harness.environment(folder, TERM="xterm-256color", LC_ALL="C", NO_COLOR="1")
    with harness.Tty([program, "--evaluate", root], (100, 30), env, folder) as tty:
        tty.quiet()
        for key in b"jjtPMCwD?q\rG/cup\r":
            tty.write(bytes([key]))
            tty.quiet(0.1)
        assert all(b < 0x80 for b in tty.bytes), "not ASCII"
        import re
        found = re.search(rb"\x1b\[[0-9;]*\b([34][0-8]|9[0-7]|10[0-7])[0-9;]*m", tty.bytes)
        assert not found, found


TESTS = [by_signal(name, what, args, delay, keys)
         for name in POLITE + FATAL
         for what, args, delay, keys in (("idle", [], 0, b""), ("job", ["--evaluate"], 100, b""),
                                         ("prompt", [], 0, b":abc"))]
TESTS += [(f.__name__, f) for f in (keyboard_interrupt, hangup, flow_control, quits, continued, ascii_stream)]

if __name__ == "__main__":
    sys.exit(harness.run(os.path.abspath(sys.argv[1]), TESTS))
