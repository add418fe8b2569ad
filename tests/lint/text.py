#!/usr/bin/env python3
"""Tabs, trailing blanks, CRs, a missing last newline, characters that cannot be seen, and
names of the place where this was made. text.py ROOT"""
import pathlib, re, sys

root = pathlib.Path(sys.argv[1])
TEXT = (".c .h .def .inc .md .txt .cmake .json .sh .py .1 .5 .7 .exp .yml").split()
SKIP = re.compile(r"^(\.git|build[^/]*)/|^(tests/[^/]+/(data|corpus|expected|screens)|tests/data)/")
UNSEEN = re.compile("[\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2000-\u200f"
                    "\u2028-\u202f\u205f-\u206f\u3000\ufe00-\ufe0f\ufeff\ufff9-\ufffb]")
PLACE = re.compile("/" + "work/|" + "CONTRACT" + r"\.md|" + "DESIGN" + r"\.md|/tmp/" + "kw")
bad = seen = 0
for path in sorted(root.rglob("*")):
    name = path.relative_to(root).as_posix()
    if SKIP.match(name) or not path.is_file():
        continue
    script = name.startswith((".ci/", "scripts/"))
    if path.suffix not in TEXT and not script and path.name != "CMakeLists.txt":
        continue
    seen += 1
    text = path.read_bytes().decode("utf-8")  # anything else raises, which is a failure too
    complaints = [] if text.endswith("\n") or not text else ["no newline at the end"]
    for number, line in enumerate(text.split("\n"), 1):
        for what, found in (("tab", "\t" in line), ("CR", "\r" in line),
                            ("blank at the end", line.endswith(" ")),
                            ("invisible character", UNSEEN.search(line)),
                            ("name of a place that readers do not have", PLACE.search(line))):
            if found:
                complaints.append(f"{number}: {what}")
    bad += len(complaints)
    for complaint in complaints:
        print(f"{name}:{complaint}")
print(f"{seen} files")
sys.exit(bad > 0 or seen == 0)
