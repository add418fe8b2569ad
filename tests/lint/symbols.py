#!/usr/bin/env python3
"""What the rooms' libraries export: names carry the room's prefix or that of a file in it,
and each is used by another object file (else it must be static).
symbols.py ROOT BUILD"""
import pathlib, re, subprocess, sys

PREFIX = {"archive": "arc npz", "dataset": "ds picture content exif", "engine": "eng h5", "cache": "cache rowset",
          "report": "rep", "pipeline": "pipe", "tui": "tui pic bar class commands", "cli": "cli cmd main", "base": ""}
root, build = map(pathlib.Path, sys.argv[1:3])


def symbols(path, *flags):
    out = subprocess.run(["nm", "-P", *flags, path], capture_output=True, text=True).stdout
    return {line.split()[0] for line in out.splitlines() if line and not line.endswith(":")}


objects = sorted(build.rglob("*.o"))
needs = {path: symbols(path, "--undefined-only") for path in objects}
bad = seen = 0
for path in objects:
    name = path.relative_to(build).as_posix()
    room = name.split("/")[0]
    if room not in PREFIX or ".pb-c." in name:  # made by protoc-c
        continue
    stems = {re.split(r"[_.]", h.name)[0] for h in (root / room).rglob("*.[ch]")}
    for symbol in sorted(symbols(path, "--defined-only", "--extern-only")):
        seen += 1
        if symbol.split("_")[0] not in stems | set(PREFIX[room].split()):
            bad += 1
            print(f"{name}: {symbol}: the prefix belongs to no file of {room}/")
        users = [p for p in objects if p != path and symbol in needs[p]]
        if not users and symbol != "main":
            bad += 1
            print(f"{name}: {symbol}: no other file uses it; make it static or delete it")
        elif users and all("/tests/" in f"/{p.relative_to(build)}" for p in users):
            print(f"note: {name}: {symbol}: only tests use it")
print(f"{seen} exported names in {len(objects)} objects")
sys.exit(bad > 0 or seen == 0)
