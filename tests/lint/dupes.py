#!/usr/bin/env python3
"""Blocks of lines that stand in two places: reported from LINES, a failure from GATE.
dupes.py ROOT [GATE]. Braces, includes, blank and comment lines do not count."""
import collections, pathlib, re, sys

LINES = 6
root, gate = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 12
places = collections.defaultdict(list)
files = {}
for room in "base archive dataset engine cache report pipeline tui cli".split():
    for path in sorted((root / room).rglob("*.[ch]")):
        kept = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = re.sub(r"\s+", " ", line.strip())
            if len(line) > 3 and not line.startswith(("//", "#", "/*", "* ")):
                kept.append((number, line))
        files[path] = kept
        for i in range(len(kept) - LINES + 1):
            places["\n".join(text for _, text in kept[i:i + LINES])].append((path, i))
worst = 0
done = set()
for spots in places.values():
    for (a, i), (b, j) in zip(spots, spots[1:]):
        if (a, i - 1, b, j - 1) in done:  # inside a block already told
            done.add((a, i, b, j))
            continue
        done.add((a, i, b, j))
        n = 0
        while (i + n < len(files[a]) and j + n < len(files[b])
               and files[a][i + n][1] == files[b][j + n][1]):
            n += 1
        worst = max(worst, n)
        print(f"{a.relative_to(root)}:{files[a][i][0]} and {b.relative_to(root)}:{files[b][j][0]}: {n} lines")
print(f"longest: {worst} lines; the gate is {gate}")
sys.exit(worst >= gate)
