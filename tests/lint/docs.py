#!/usr/bin/env python3
"""Papers that keep up: a README.md in each room, links that lead somewhere, man pages that
mandoc accepts. docs.py ROOT"""
import pathlib, re, shutil, subprocess, sys

root = pathlib.Path(sys.argv[1])
bad = [f"{room}/: no README.md" for room in
       "archive base cache cli dataset engine pipeline report tui".split()
       if not (root / room / "README.md").is_file()]
for paper in root.rglob("*.md"):
    if paper.relative_to(root).parts[0].startswith((".git", "build")):
        continue
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", paper.read_text()):
        if not (paper.parent / link).exists():
            bad.append(f"{paper.relative_to(root)}: link to {link} leads nowhere")
for page in sorted((root / "man").glob("*.[1-7]")):
    if not shutil.which("mandoc"):
        print("!! no mandoc: man pages are NOT CHECKED")
        break
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
    bad += lint.stdout.splitlines()
print("\n".join(bad))
sys.exit(bool(bad))
