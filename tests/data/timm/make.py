#!/usr/bin/env python3
"""Writes a narrow timm Xception without its classifier (num_classes=0) and the logits of
picture "A" (as in tests/support/synth.c) behind ../keras/head.safetensors to expected.txt.
Run by hand: pip install torch timm==0.6.5 onnx safetensors numpy; make.py"""
import functools, os, sys
import numpy as np, timm, torch

folder = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{folder}/..")
from synth import picture, stream
from safetensors.torch import load_file, save_file
from timm.models.xception_aligned import XceptionAligned

x = torch.from_numpy(picture(48, 40))


def fill(model):
    """Values that let every weight count."""
    for name, v in model.state_dict().items():
        if v.ndim == 0:
            continue
        t = stream(name, np.arange(v.numel())).reshape(v.shape)
        near_one = v.ndim == 1 and name.endswith(("weight", "var"))
        fan = np.prod(v.shape[1:]) if v.ndim > 1 else 1
        v.copy_(torch.from_numpy(1 + 0.4 * t if near_one else 0.1 * t if v.ndim == 1 else t * (4 / fan) ** 0.5))


blocks = [dict(in_chs=64, out_chs=8, stride=2), dict(in_chs=8, out_chs=10, stride=2), dict(in_chs=10, out_chs=12, stride=2),
          dict(in_chs=12, out_chs=12, stride=1), dict(in_chs=12, out_chs=(12, 14, 14), stride=2),
          dict(in_chs=14, out_chs=(16, 16, 20), stride=1, no_skip=True, start_with_relu=False)]
model = XceptionAligned(blocks, num_classes=0, norm_layer=functools.partial(torch.nn.BatchNorm2d, eps=1e-3))
fill(model)
model.eval()
head = load_file(f"{folder}/../keras/head.safetensors")
with torch.no_grad():
    logits = torch.nn.functional.linear(model(x), head["fc.weight"], head["fc.bias"])[0]
save_file(model.state_dict(), f"{folder}/notop.safetensors")
torch.onnx.export(model, x, f"{folder}/notop.onnx", dynamo=False, opset_version=17)
with open(f"{folder}/expected.txt", "w") as f:
    f.write(f"# timm {timm.__version__}, torch {torch.__version__}; logits behind the head\n")
    for name in ("notop.safetensors", "notop.onnx"):
        f.write(" ".join([name] + [f"{v:.7g}" for v in logits.tolist()]) + "\n")
