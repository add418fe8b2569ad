#!/usr/bin/env python3
"""dataset/wordnet.def from WordNet 3.0: wordnet_table.py DATA_NOUN IMAGENET_DEF > wordnet.def

DATA_NOUN is data.noun of Debian's wordnet-base (/usr/share/wordnet/data.noun)."""
import pathlib, re, sys

HEAD = """// SYNSET(WordNet id, words, hypernyms): everything above the 1000 ImageNet classes, from
// WordNet 3.0's data.noun by tests/tool/wordnet_table.py, in the order of ids. Hypernyms
// are places in this table, the principal one first; a class's own row has no words, as
// imagenet.def has them. WordNet 3.0 is Copyright 2006 by Princeton University; its
// licence stands beside this file in WORDNET-LICENSE.
"""


def synsets(path):
    """{offset: (words, hypernyms)} of data.noun, see wndb(5WN)."""
    found = {}
    for line in path.read_text().splitlines():
        if line.startswith(" "):
            continue
        fields = line.split(" | ")[0].split()
        count = int(fields[3], 16)
        words = [w.replace("_", " ") for w in fields[4:4 + 2 * count:2]]
        pointers = fields[5 + 2 * count:]
        found[int(fields[0])] = (words, [int(offset) for symbol, offset in
                                         zip(pointers[::4], pointers[1::4])
                                         if symbol in ("@", "@i")])
    return found


def main(data_noun, imagenet):
    nouns = synsets(pathlib.Path(data_noun))
    leaves = [int(n) for n in re.findall(r'"n(\d{8})"', pathlib.Path(imagenet).read_text())]
    assert len(leaves) == 1000 and set(leaves) <= set(nouns)
    needed, todo = set(), list(leaves)
    while todo:
        offset = todo.pop()
        if offset not in needed:
            needed.add(offset)
            todo += nouns[offset][1]
    order = sorted(needed)
    place = {offset: i for i, offset in enumerate(order)}
    print(HEAD, end="")
    for offset in order:
        words, above = nouns[offset]
        text = "" if offset in set(leaves) else ", ".join(words)
        ups = ", ".join(str(place[o]) for o in above)
        print(f'SYNSET("n{offset:08}", "{text}", {ups or -1})')


main(*sys.argv[1:])
