#!/usr/bin/env python3
"""man/xlens.1 names every command, every option that --help shows, every key and typed
command of the interface, and no option that no command has. man.py ROOT BUILD"""
import pathlib, re, subprocess, sys

root, build = map(pathlib.Path, sys.argv[1:3])
man = (root / "man/xlens.1").read_text()
commands = re.findall(r"^CMD\((\w+),", (root / "cli/cmd.def").read_text(), re.M)
bad = [f"command {c} is not in the man page" for c in commands if not re.search(rf"^\.(It|Ss) (Sy|Cm|Nm)? ?{c}\b", man, re.M)]


def options(command):
    help_text = subprocess.run([build / "xlens", *command, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^\s+(?:-\w, )?--([\w-]+)", help_text, re.M))


known = {"version"} | options([]).union(*(options([c]) for c in commands))
written = set(re.findall(r"\bFl -([\w-]+)", man))
bad += [f"--{o} is not in the man page" for o in sorted(known - written)]
bad += [f"the man page has --{o}, which no command knows" for o in sorted(written - known)]
keys = set(re.search(r"^\.Sh KEYS\n(.*?)^\.Sh ", man, re.M | re.S)[1].replace(r"\&", "").split())
rows = re.findall(r'^KEY\(\w+, "([^"]+)"', (root / "tui/keymap.def").read_text(), re.M)
rows += re.findall(r'^COMMAND\("([^"]+)"', (root / "tui/command.def").read_text(), re.M)
bad += [f"key or typed command {row} is not in the man page" for row in rows if row not in keys]
print("\n".join(bad) or f"{len(commands)} commands, {len(known)} options, {len(rows)} keys")
sys.exit(bool(bad) or not commands or not known or not rows)
