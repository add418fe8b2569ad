"""The numbers of tests/support/synth.c, for scripts that have a framework make test data."""
import numpy as np


def stream(name, i):
    seed = 0xCBF29CE484222325
    for b in name.encode():
        seed = ((seed ^ b) * 0x100000001B3) & (2**64 - 1)
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + (np.asarray(i, "u8") + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype("f8") * 2.0**-23 - 1


def picture(h, w):
    """Picture "A" as [1][3][h][w]."""
    c, y, x = np.mgrid[0:3, 0:h, 0:w]
    v = 0.5 * stream("input/A/colour", c) + 0.3125 * stream("input/A/coarse", (c * 64 + y // 32) * 64 + x // 32)
    v += 0.1875 * stream("input/A/fine", (c * h + y) * w + x)
    return v.astype("f4")[None]
