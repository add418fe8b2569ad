#!/usr/bin/env python3
"""Papers that keep up with the code: a README.md in each room, links that lead somewhere,
every command, flag and key in the man page, man pages that mandoc accepts. docs.py ROOT"""
import pathlib, re, shutil, subprocess, sys

root = pathlib.Path(sys.argv[1])
bad = []
for room in "archive base cache cli dataset engine pipeline report tui".split():
    if not (root / room / "README.md").is_file():
        bad.append(f"{room}/: no README.md")
papers = [p for p in root.rglob("*.md") if not p.relative_to(root).parts[0].startswith((".git", "build"))]
for paper in papers:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", paper.read_text()):
        if not (paper.parent / link).exists():
            bad.append(f"{paper.relative_to(root)}: link to {link} leads nowhere")

man = (root / "man/xlens.1").read_text().replace(r"\-", "-").replace(r"\(en", "-")
words = set(re.findall(r"[^\s,]+", man))
for table, columns in (("cli/cmd.def", r'\b(?:CMD|FLAG)\w*\(\s*\w*,?\s*"([^"]+)"'),
                       ("tui/keymap.def", r'\bKEY\w*\(.*?"([^"]+)"')):
    rows = re.findall(columns, (root / table).read_text()) if (root / table).is_file() else []
    bad += [f"man/xlens.1: nothing about {row} of {table}" for row in rows if row not in words]
    if not rows:
        bad.append(f"{table}: no rows found")
for page in sorted((root / "man").glob("*.[1-7]")):
    if shutil.which("mandoc"):
        lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True, text=True)
        bad += lint.stdout.splitlines()
print("\n".join(bad))
sys.exit(bool(bad))
