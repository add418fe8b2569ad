"""Every option that --help shows is used by some test; runs after the others."""
import os, pathlib, re, shutil, subprocess, sys

XLENS, LOG = os.environ["XLENS"], pathlib.Path(os.environ["XLENS_FLAG_LOG"])


def shown(*command):
    """[(letter or None, name)] of a help text."""
    out = subprocess.run([XLENS, *command, "--help"], capture_output=True, text=True).stdout
    return [(m[1], m[2]) for m in re.finditer(r"(?m)^  (?:-(\w), |    )--([\w-]+)", out)]


commands = re.findall(r"(?m)^  (\w+) ", subprocess.run([XLENS, "--help"], capture_output=True,
                                                       text=True).stdout)
used = {}
for log in LOG.glob("*_test.py"):
    for line in log.read_text(errors="surrogateescape").split("\n"):
        args = line.split("\0")
        command = args[0] if args[0] in commands else ""
        for arg in args:
            used.setdefault(command, set()).add(arg.split("=")[0].replace("_", "-"))
everywhere = set().union(*used.values())
common = {name for _, name in shown("runs")} - {"db"}
bad = 0
for command in ["", *commands]:
    for letter, name in shown(*([command] if command else [])):
        # What all commands share is read by one parser: one use anywhere is enough.
        seen = everywhere if name in common else used.get(command, set())
        forms = {f"--{name.replace('_', '-')}"} | ({f"-{letter}"} if letter else set())
        if not forms & seen and not any(letter and a.startswith(f"-{letter}") for a in seen
                                        if not a.startswith("--")):
            bad += 1
            print(f"xlens {command}: no test uses --{name}")
print(f"{len(commands)} commands, {sum(map(len, used.values()))} different arguments used")
sys.exit(bad > 0 or not used)
