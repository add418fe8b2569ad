#!/usr/bin/env python3
"""Include directions between rooms, and which folder may include which foreign header."""
import pathlib, re, sys

BELOW = {  # room: rooms, or single headers of a room, that it may include besides itself
    "base": "", "archive": "base", "dataset": "base archive", "engine": "base archive",
    "cache": "base", "report": "base archive cache dataset/labels.h",
    "pipeline": "base archive dataset engine cache",
    "tui": "base dataset pipeline report cache engine/engine.h",
    "cli": "base archive dataset engine cache report pipeline tui",
}
FOREIGN = {  # header: the only folders that may include it
    r"sqlite3\.h": "cache/", r"jpeglib\.h|jerror\.h|png\.h": "dataset/decode/",
    r"hdf5.*\.h|H5.*\.h|protobuf-c.*": "engine/weights/", r"zip\.h|libdeflate\.h": "archive/",
    r".*curses\.h|term\.h": "tui/", r"chafa.*\.h|glib.*\.h": "tui/picture/",
    r"(\w*mm)?intrin\.h|immintrin\.h|x86intrin\.h|simde/.*": "engine/kern/",
}
root = pathlib.Path(sys.argv[1])
bad = 0
for path in sorted(p for room in BELOW for p in (root / room).rglob("*.[chd]*")):
    name = path.relative_to(root).as_posix()
    room = name.split("/")[0]
    if path.suffix not in (".c", ".h", ".def", ".inc"):
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*([<"])(.*?)[>"]', line)
        header, other = (m[2], m[2].split("/")[0]) if m else ("", room)
        why = ""
        if m and m[1] == '"' and other != room:
            if other not in BELOW[room].split() and header not in BELOW[room].split():
                why = f"{room} may not include {other}"
            elif header.count("/") != 1:
                why = f"{header} is {other}'s own: only headers at the top of a room cross walls"
        for pattern, folders in FOREIGN.items() if m and m[1] == "<" else ():
            if re.fullmatch(pattern, header) and not name.startswith(folders):
                why = f"only {folders} includes {header}"
        if why:
            bad += 1
            print(f"{name}:{number}: {why}")
sys.exit(bad > 0)
