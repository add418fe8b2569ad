"""What the tests of the command line share: a program run in an empty home, its exit
status checked, its output compared with files in expected/ (XLENS_BLESS=1 writes them).

XLENS is the program. Options that a test uses are noted in XLENS_FLAG_LOG, for
flags_test.py."""
import fcntl, json, os, pathlib, pty, random, select, shutil, struct, subprocess, sys, tempfile
import termios, unittest

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data"
sys.path.insert(0, str(HERE.parent / "support"))
from npz import floats, npy, read_npz
from png import png

MODEL = str(DATA / "tiny/keras3_model.keras")  # 10 classes, input 75x75, preset keras
XLENS = os.environ["XLENS"]
REFERENCE = pathlib.Path(os.environ.get("XLENS_REFERENCE_DIR", ""))
USED = []  # command lines so far
LABEL_NAMES = ["cat", "dog", "cow", "hen", "pig", "rat", "fox", "owl", "bee", "ant"]


def sanitized():
    binary = pathlib.Path(XLENS).read_bytes()
    return b"__asan_init" in binary or b"__tsan_init" in binary


def noise(side, seed):
    """A picture unlike those of other seeds."""
    byte = random.Random(seed)
    return png(side, side, b"".join(bytes(byte.randrange(256) for _ in range(3)) * side
                                    for _ in range(side)))


class CliTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="xlens-cli-"))
        self.addCleanup(shutil.rmtree, self.tmp, ignore_errors=True)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("XDG_", "XLENS_ISA", "SLURM_", "JOB_", "NO_COLOR"))}
        self.env.update(HOME=str(self.tmp / "home"), TERM="xterm", LC_ALL="C.UTF-8")
        self.db = str(self.tmp / "x.db")

    # ---- running ----

    def start(self, *args, env=None, **kw):
        command = [XLENS, *map(str, args)]
        self.note_flags(command[1:])
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("cwd", self.tmp)
        return subprocess.Popen(command, env={**self.env, **(env or {})}, **kw)

    def xlens(self, *args, status=0, input=None, text=True, timeout=120, **kw):
        """Runs, checks the exit status, gives (stdout, stderr)."""
        if input is not None:
            kw["stdin"] = subprocess.PIPE
        with self.start(*args, **kw) as process:
            try:
                out, err = process.communicate(input, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        if text:
            out, err = (s.decode() if s is not None else "" for s in (out, err))
        self.assertEqual(process.returncode, status, f"{args}\n{out}\n{err}")
        return out, err

    def document(self, *args, **kw):
        """The one JSON document on stdout; NaN and Infinity are no JSON."""
        out, _ = self.xlens(*args, "--json", **kw)

        def refuse(constant):
            raise AssertionError(f"{constant} in JSON")
        return json.loads(out, parse_constant=refuse)

    def on_terminal(self, *args, everything=False, keys=b"", **kw):
        """What the program writes to stderr (or altogether) when that is a terminal."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        if everything:
            kw.update(stdout=theirs, stdin=theirs)
        process = self.start(*args, stderr=theirs, **kw)
        os.close(theirs)
        seen = b""
        while True:
            ready, _, _ = select.select([ours], [], [], 60)
            self.assertTrue(ready, "no end")
            try:
                data = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            if keys and not seen:  # once it is there
                os.write(ours, keys)
            seen += data
        os.close(ours)
        process.communicate()
        return seen.decode(), process.returncode

    def fails(self, status, *args, says=(), **kw):
        """Fails with one line on stderr and nothing on stdout."""
        out, err = self.xlens(*args, status=status, **kw)
        self.assertEqual(out, "")
        self.assertRegex(err, r"\Axlens: [^\n]+\n\Z")
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, err)
        return err

    def expect(self, name, text):
        """Compares with expected/NAME; places and numbers that move are replaced."""
        text = text.replace(str(self.tmp), "TMP").replace(str(DATA), "DATA")
        path = HERE / "expected" / name
        if os.environ.get("XLENS_BLESS"):
            path.write_text(text)
        self.assertEqual(path.read_text(), text)

    @staticmethod
    def note_flags(args):
        log = os.environ.get("XLENS_FLAG_LOG")
        if not log:
            return
        USED.append("\0".join(args))
        os.makedirs(log, exist_ok=True)
        path = pathlib.Path(log) / pathlib.Path(sys.argv[0]).name
        path.write_text("\n".join(USED), errors="surrogateescape")

    # ---- things to run on ----

    def pictures(self, broken=False):
        """Class folders bee and dog with 12 pictures; with `broken`, a truncated one."""
        names = ("rgb.jpg grey.jpg cmyk.jpg progressive.jpg rgb.png grey.png palette.png "
                 "turn1.jpg turn3.jpg vga.jpg rgba.png one_bit.png").split()
        root = self.tmp / "set"
        for i, name in enumerate(names):
            folder = root / ("dog" if i % 2 else "bee")
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(DATA / "pictures" / name, folder / f"{i:02}{pathlib.Path(name).suffix}")
        if broken:
            whole = (DATA / "pictures/rgb.jpg").read_bytes()
            (root / "bee/broken.jpg").write_bytes(whole[:400])
        return root

    def many(self, n, side=64):
        """A csv of n different pictures with labels."""
        folder = self.tmp / "many"
        folder.mkdir()
        lines = ["file,label"]
        for i in range(n):
            (folder / f"{i:05}.png").write_bytes(noise(side, i))
            lines.append(f"{i:05}.png,{i % 10}")
        (folder / "many.csv").write_text("\n".join(lines) + "\n")
        return folder / "many.csv"

    def head(self, model, bias):
        """A classifier that says the same of every picture: zero weights, this bias."""
        rows, columns = len(bias), self.document("info", model)["features"]
        weights, path = b"\0" * (4 * rows * columns), self.tmp / "head.safetensors"
        tensors = {"fc.weight": {"dtype": "F32", "shape": [rows, columns],
                                 "data_offsets": [0, len(weights)]},
                   "fc.bias": {"dtype": "F32", "shape": [rows],
                               "data_offsets": [len(weights), len(weights) + 4 * rows]}}
        header = json.dumps(tensors).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + weights
                         + struct.pack(f"<{rows}f", *bias))
        return path

    def names(self, n=10):
        path = self.tmp / f"names{n}.txt"
        path.write_text("".join(f"{LABEL_NAMES[i % 10]}{'' if i < 10 else i}\n" for i in range(n)))
        return path

    def evaluated(self, *args):
        """A database with a complete run over pictures(broken=True): bee is class 8, which
        the model takes most of them for, dog is class 1."""
        root = self.pictures(broken=True)
        self.xlens("eval", "-m", MODEL, "--db", self.db, "--label", self.names(), *args, root,
                   status=1)
        return root


def skip_loudly(why):
    print(f"SKIPPED: {why}", file=sys.stderr)
    raise unittest.SkipTest(why)


def main():
    unittest.main(verbosity=1)
