#!/usr/bin/env python3
"""Makes tests/data/pictures and the digests in prep_synth.csv and prep_odd.csv.

Run by hand where Pillow 13, numpy and OpenCV 5 are installed; the tests read only what it
wrote. Usage: prep_make.py [FOLDER WITH badjpeg/manifest.csv]
"""
import csv
import hashlib
import math
import pathlib
import struct
import sys
import zlib

import cv2
import numpy as np
from PIL import Image

GOLDEN = pathlib.Path(__file__).parent
PICTURES = GOLDEN.parent / "data" / "pictures"


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def scene(width, height, seed):
    """Smooth colours with edges and noise, so that every rounding is exercised."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    planes = [127 + 120 * np.sin(x / (5 + 3 * c) + y / (9 - c)) for c in range(3)]
    picture = np.stack(planes, -1) + rng.normal(0, 20, (height, width, 3))
    picture[height // 3 : height // 2, width // 4 : width // 2] = (255, 0, 250)
    return np.clip(picture, 0, 255).astype(np.uint8)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def adam7(rgb, path):
    height, width, _ = rgb.shape
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b""
    for x0, y0, dx, dy in passes:
        part = rgb[y0::dy, x0::dx]
        if part.size:
            raw += b"".join(b"\0" + row.tobytes() for row in part)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1))
                     + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def make_pictures():
    PICTURES.mkdir(parents=True, exist_ok=True)
    rgb = scene(97, 61, 1)
    image = Image.fromarray(rgb)
    grey = image.convert("L")
    alpha = image.copy()
    alpha.putalpha(grey)
    palette = image.quantize(16)
    palette.info["transparency"] = 3
    deep = rgb.astype(np.uint16) * 257 - 100
    image.save(PICTURES / "rgb.png")
    alpha.save(PICTURES / "rgba.png")
    grey.save(PICTURES / "grey.png")
    alpha.convert("LA").save(PICTURES / "grey_alpha.png")
    image.convert("1").save(PICTURES / "one_bit.png")
    palette.save(PICTURES / "palette.png", bits=4)
    cv2.imwrite(str(PICTURES / "deep_rgb.png"), deep)
    Image.fromarray((deep[:, :, 0] // 40)).save(PICTURES / "deep_grey.png")
    adam7(rgb, PICTURES / "adam7.png")
    image.save(PICTURES / "rgb.jpg", quality=90)
    image.save(PICTURES / "progressive.jpg", quality=80, progressive=True)
    grey.save(PICTURES / "grey.jpg")
    image.convert("CMYK").save(PICTURES / "cmyk.jpg")
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        image.crop((0, 0, 40, 25)).save(PICTURES / f"turn{turn}.jpg", exif=exif)
    Image.fromarray(scene(1, 1, 2)).save(PICTURES / "dot.png")
    Image.fromarray(scene(300, 2, 3)).save(PICTURES / "flat.png")
    Image.fromarray(scene(640, 480, 4)).save(PICTURES / "vga.jpg", quality=60)


def torchvision(image, size, crop_w, crop_h, how):
    """Resize(size) and CenterCrop((crop_h, crop_w)) of torchvision on a Pillow image."""
    w, h = image.size
    short, long = min(w, h), max(w, h)
    other = int(size * long / short)
    image = image.resize((size, other) if w <= h else (other, size), how)
    left, top = int(round((image.width - crop_w) / 2.0)), int(round((image.height - crop_h) / 2.0))
    return image.crop((left, top, left + crop_w, top + crop_h))


def paddle(array, size, crop_w, crop_h):
    """ResizeImage(resize_short) and CropImage of PaddleClas, as RGB."""
    h, w = array.shape[:2]
    percent = float(size) / min(w, h)
    array = cv2.resize(array, (int(round(w * percent)), int(round(h * percent))), interpolation=cv2.INTER_LINEAR)
    left, top = (array.shape[1] - crop_w) // 2, (array.shape[0] - crop_h) // 2
    return array[top : top + crop_h, left : left + crop_w]


def synth_rows():
    filters = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
    sizes = [(97, 61), (40, 40), (96, 62), (300, 200), (7, 5), (1, 1), (97, 30), (640, 480), (320, 240), (319, 241), (1280, 960)]
    for path in sorted(PICTURES.iterdir()):
        image = Image.open(path).convert("RGB")
        upright = cv2.imread(str(path), cv2.IMREAD_COLOR)[:, :, ::-1]
        yield path.name, "pillow", 0, 0, digest(np.asarray(image))
        yield path.name, "opencv", 0, 0, digest(upright)
        if path.name not in ("rgb.png", "vga.jpg", "dot.png", "flat.png"):
            continue
        array = np.ascontiguousarray(np.asarray(image))
        for w, h in sizes:
            for name, how in filters.items():
                yield path.name, name, w, h, digest(np.asarray(image.resize((w, h), how)))
            yield path.name, "bilinear-cv", w, h, digest(cv2.resize(array, (w, h), interpolation=cv2.INTER_LINEAR))
        for w, h in [(299, 299), (150, 150), (224, 160), (33, 224), (71, 72)]:
            s = max(w, h)
            yield path.name, "preset xception", w, h, digest(np.asarray(torchvision(image, round(342 * s / 299), w, h, Image.BILINEAR)))
            yield path.name, "preset timm", w, h, digest(np.asarray(torchvision(image, math.floor(s / 0.897), w, h, Image.BICUBIC)))
            yield path.name, "preset ppcls", w, h, digest(np.asarray(torchvision(image, round(320 * s / 299), w, h, Image.BILINEAR)))
            yield path.name, "preset ppcls-cv2", w, h, digest(paddle(array, round(320 * s / 299), w, h))
            yield path.name, "preset keras", w, h, digest(np.asarray(image.resize((w, h), Image.NEAREST)))


def odd_rows(folder):
    """What Pillow and OpenCV make of the odd pictures; files that Pillow refuses, or that
    xlens refuses on purpose (other formats, bombs), are left out."""
    for row in csv.DictReader(open(folder / "manifest.csv")):
        if row["category"] == "scan_bomb" or row["real_format"] in ("GIF", "WEBP"):
            continue
        path = folder / row["file"]
        try:
            rgb = np.asarray(Image.open(path).convert("RGB"))
        except Exception:
            continue
        upright = cv2.imread(str(path), cv2.IMREAD_COLOR)[:, :, ::-1]
        yield row["file"], rgb.shape[1], rgb.shape[0], digest(rgb), digest(upright)


def write(name, header, rows):
    with open(GOLDEN / name, "w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


if __name__ == "__main__":
    make_pictures()
    write("prep_synth.csv", ("file", "what", "width", "height", "digest"), synth_rows())
    if len(sys.argv) > 1:
        write("prep_odd.csv", ("file", "width", "height", "pillow", "opencv"), odd_rows(pathlib.Path(sys.argv[1])))
