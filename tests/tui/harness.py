"""Drives the explorer in tmux (screens) or on a bare pty (bytes, signals)."""

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import uuid
import zlib

SKIP = 77
TIMEOUT = float(os.environ.get("XLENS_TUI_TIMEOUT", "20"))


def png(path, rgb, width=60, height=40):
    """A picture of one colour: its cells are the same whatever the renderer."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = (b"\0" + bytes(rgb) * width) * height
    with open(path, "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\n"
                  + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                  + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def dataset(folder, per_class=8):
    """Class folders with pictures of one colour each, and one that is damaged. The colours are
    those of the 256-colour palette, which need no dithering."""
    level = (0, 95, 135, 175, 215, 255)
    root = os.path.join(folder, "kitchen")
    for c, name in enumerate(("cup", "fork", "glass", "knife", "plate", "spoon")):
        os.makedirs(os.path.join(root, name))
        for i in range(per_class):
            png(os.path.join(root, name, f"{name}_{i:02d}.png"),
                (level[c], level[5 - i % 6], level[i * 2 % 6]))
    with open(os.path.join(root, "cup", "damaged.png"), "wb") as out:
        out.write(b"\x89PNG\r\n\x1a\nnot really")
    return root


def environment(folder, **changes):
    env = {k: v for k, v in os.environ.items()
           if k not in ("NO_COLOR", "TMUX", "TERM", "LC_ALL", "LC_CTYPE", "LANG", "ESCDELAY")}
    env.update(XLENS_TUI_TEST="1", LC_ALL="C.UTF-8", HOME=folder, XDG_STATE_HOME=folder,
               TERM="tmux-256color")
    for key, value in changes.items():
        if value is None:
            env.pop(key, None)
        else:
            env[key] = value
    return env


class Screen:
    """The program in a detached tmux of its own."""

    def __init__(self, argv, size, env, cwd):
        self.socket = "xlens-" + uuid.uuid4().hex[:8]
        self.keys = 0
        words = ["env", "-i"] + [f"{k}={v}" for k, v in env.items()] + argv
        import shlex
        command = shlex.join(words) + "; echo EXIT $?; exec sleep 60"
        self.tmux("new-session", "-d", "-s", "x", "-x", str(size[0]), "-y", str(size[1]),
                  "-c", cwd, command)
        self.tmux("set", "-g", "status", "off")
        self.tmux("set", "-sg", "escape-time", "0")

    def tmux(self, *args):
        # tmux itself needs UTF-8 whatever the program gets.
        env = dict(os.environ, LC_ALL="C.UTF-8")
        env.pop("TMUX", None)
        return subprocess.run(["tmux", "-L", self.socket, "-f", "/dev/null", *args], env=env,
                              check=True, capture_output=True, text=True).stdout

    def press(self, *keys):
        for key in keys:
            self.tmux("send-keys", "-t", "x", key)
            self.keys += 1
        return self

    def type(self, text):
        self.tmux("send-keys", "-t", "x", "-l", text)
        self.keys += len(text)
        return self

    def resize(self, width, height):
        self.tmux("resize-window", "-t", "x", "-x", str(width), "-y", str(height))
        return self

    def text(self, escapes=False):
        return self.tmux("capture-pane", "-p", *(["-e"] if escapes else []), "-t", "x")

    def wait(self, condition, what):
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            text = self.text()
            if condition(text):
                return text
            time.sleep(0.03)
        raise AssertionError(f"waited in vain for {what}:\n{self.text()}")

    def settle(self, mark="="):
        """The screen once all keys have been answered and nothing goes on any more."""
        marker = f"{self.keys % 10000:04d}{mark}"
        return self.wait(lambda text: text.rstrip().endswith(marker), marker)

    def wait_exit(self):
        text = self.wait(lambda text: "EXIT " in text, "the end")
        return int(text.split("EXIT ", 1)[1].split()[0])

    def close(self):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class Tty:
    """The program on a pty of its own: what it writes, and the terminal settings."""

    def __init__(self, argv, size, env, cwd):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.bytes = b""

        def child():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen(argv, stdin=self.slave, stdout=self.slave,
                                        stderr=self.slave, env=env, cwd=cwd, preexec_fn=child)

    def read(self, timeout):
        """What comes within the timeout, at most one read."""
        if not select.select([self.master], [], [], timeout)[0]:
            return b""
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return b""
        self.bytes += data
        return data

    def quiet(self, pause=0.3):
        """Reads until nothing has come for a while."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end and self.read(pause):
            pass

    def wait_bytes(self, wanted):
        end = time.monotonic() + TIMEOUT
        while wanted not in self.bytes and time.monotonic() < end:
            self.read(0.1)
        assert wanted in self.bytes, f"waited in vain for {wanted!r}"

    def write(self, data):
        os.write(self.master, data)

    def finish(self):
        """Waits for the end, reading on; returns the status as subprocess gives it."""
        end = time.monotonic() + TIMEOUT
        while self.process.poll() is None:
            self.read(0.05)
            if time.monotonic() > end:
                self.process.kill()
                raise AssertionError("did not end")
        while self.read(0.05):
            pass
        return self.process.returncode

    def settings(self):
        return termios.tcgetattr(self.slave)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def run(program, tests):
    """Runs the tests (name, function of program and folder) that are named on the command
    line, or all."""
    if not shutil.which("tmux"):
        print("SKIPPED: tmux is not installed, no screen was tested")
        return SKIP
    wanted = [a for a in sys.argv[2:] if not a.startswith("-")]
    failed = 0
    for name, test in tests:
        if wanted and name not in wanted:
            continue
        folder = tempfile.mkdtemp(prefix="xlens-tui-")
        try:
            test(program, folder)
            print(f"ok      {name}", flush=True)
        except (AssertionError, OSError, subprocess.CalledProcessError) as error:
            failed += 1
            print(f"FAILED  {name}: {error}", flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{failed} failed")
    return 1 if failed else 0
