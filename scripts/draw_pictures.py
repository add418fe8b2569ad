#!/usr/bin/env python3
"""Pictures for the demo when no photographs can be had: ten kinds of shapes as PNG, with
pictures.csv (file,label) and classes.txt beside them. draw_pictures.py FOLDER"""
import math, pathlib, struct, sys, zlib

SIDE = 150
KINDS = {  # is (x, y), both -1…1, inside the shape?
    "disc": lambda x, y: x * x + y * y < .5,
    "ring": lambda x, y: .25 < x * x + y * y < .6,
    "square": lambda x, y: max(abs(x), abs(y)) < .6,
    "cross": lambda x, y: min(abs(x), abs(y)) < .2,
    "stripes": lambda x, y: int((x + 1) * 5) % 2 == 0,
    "bars": lambda x, y: int((y + 1) * 5) % 2 == 0,
    "checks": lambda x, y: (int((x + 1) * 4) + int((y + 1) * 4)) % 2 == 0,
    "diamond": lambda x, y: abs(x) + abs(y) < .8,
    "triangle": lambda x, y: -.7 < y < .7 and abs(x) < (y + .7) / 2,
    "waves": lambda x, y: math.sin(x * 9) / 4 > y,
}
COLOURS = [(200, 60, 50), (40, 110, 190)]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(inside, colour):
    rows = bytearray()
    for row in range(SIDE):
        rows.append(0)  # no filter
        for column in range(SIDE):
            x, y = 2 * column / SIDE - 1, 2 * row / SIDE - 1
            rows += bytes(colour if inside(x, y) else (235 - row // 4, 230, 220))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(bytes(rows))) + chunk(b"IEND", b""))


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
lines = ["file,label"]
for index, (kind, inside) in enumerate(KINDS.items()):
    for number, colour in enumerate(COLOURS):
        name = f"{kind}{number}.png"
        (folder / name).write_bytes(png(inside, colour))
        lines.append(f"{name},{index}")
(folder / "pictures.csv").write_text("\n".join(lines) + "\n")
(folder / "classes.txt").write_text("".join(f"synthetic {kind}\n" for kind in KINDS))
