#!/usr/bin/env python3
"""Writes Paddle 2 inference models (.pdmodel + .pdiparams) with the real framework.

    python3 -m venv v && v/bin/pip install paddlepaddle==2.6.2 'numpy<2' setuptools
    v/bin/python tests/tool/paddle2_sample.py WEIGHTS.pdparams OUT_STEM [deeplab]
    v/bin/pip install paddle2onnx==1.2.11
    v/bin/paddle2onnx --model_dir OUT --model_filename STEM.pdmodel --params_filename STEM.pdiparams \
        --save_file STEM.op10.onnx --opset_version 10 --enable_onnx_checker False

The network is PaddleClas' narrow xception41 (or xception41_deeplab) under its structured
names, so that a .pdparams of it loads; how wide it is follows from the weights. Prints the
logits on the synthetic picture A of 75x75 (models/synth.py of the reference folder)."""
import os, pickle, sys
import numpy as np, paddle
from paddle import nn
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data"))
from synth import picture

weights = {k: v for k, v in pickle.load(open(sys.argv[1], "rb")).items() if isinstance(v, np.ndarray)}
deeplab = "deeplab" in sys.argv[3:]


class Node(nn.Layer):
    """A layer whose parts are named by strings, slashes and all."""

    def part(self, name, layer):
        self.add_sublayer(name, layer)
        return layer

    def keep(self, **layers):  # under a Python name that is no part of the tensors' names
        self.__dict__.update(layers)


def conv(prefix, stride=1, pad=0, dil=1):
    out, cin, k, _ = weights[prefix + ".weight"].shape
    groups = out if cin == 1 else 1
    return nn.Conv2D(cin * groups, out, k, stride, pad, dil, groups, bias_attr=False)


def norm(prefix):
    return nn.BatchNorm(weights[prefix + ".weight"].shape[0], epsilon=1e-3 if deeplab else 1e-5)


class ConvNorm(Node):
    def __init__(self, prefix, bn, **kw):
        super().__init__()
        self.keep(conv=self.part("_conv", conv(prefix + "._conv", **kw)), norm=self.part(bn, norm(f"{prefix}.{bn}")))

    def forward(self, x):
        return self.norm(self.conv(x))


class Separable(Node):  # pointwise first
    def __init__(self, prefix):
        super().__init__()
        self.keep(pw=self.part("_pointwise_conv", ConvNorm(prefix + "._pointwise_conv", "_batch_norm")),
                  dw=self.part("_depthwise_conv", ConvNorm(prefix + "._depthwise_conv", "_batch_norm", pad=1)))

    def forward(self, x):
        return self.dw(self.pw(x))


class Pooled(Node):
    def __init__(self, prefix, names, stride, lead):
        super().__init__()
        self.keep(short=self.part("_short", conv(prefix + "._short", stride)))
        self.seps = [self.part(n, Separable(f"{prefix}.{n}")) for n in names]
        self.pool, self.lead = nn.MaxPool2D(3, stride, 1), lead

    def forward(self, x):
        y = nn.functional.relu(x) if self.lead else x
        y = self.seps[1](nn.functional.relu(self.seps[0](y)))
        return self.short(x) + self.pool(y)


class Middle(Node):
    def __init__(self, prefix):
        super().__init__()
        self.seps = [self.part(f"_conv_{i}", Separable(f"{prefix}._conv_{i}")) for i in range(3)]

    def forward(self, x):
        y = x
        for sep in self.seps:
            y = sep(nn.functional.relu(y))
        return x + y


def count(pattern):
    n = 0
    while any(k.startswith(pattern % n + ".") for k in weights):
        n += 1
    return n


class Xception(Node):
    def __init__(self):
        super().__init__()
        entry, middle, last = (self.part(f"_{n}_flow", Node()) for n in ("entry", "middle", "exit"))
        self.stem = [entry.part(f"_conv{i}", ConvNorm(f"_entry_flow._conv{i}", "_batch_norm", stride=3 - i, pad=1)) for i in (1, 2)]
        self.blocks = [entry.part(f"_conv_{i}", Pooled(f"_entry_flow._conv_{i}", ("_conv1", "_conv2"), 2, i > 0))
                       for i in range(count("_entry_flow._conv_%d"))]
        self.blocks += [middle.part(f"_conv_{i}", Middle(f"_middle_flow._conv_{i}")) for i in range(count("_middle_flow._conv_%d"))]
        self.blocks.append(last.part("_conv_0", Pooled("_exit_flow._conv_0", ("_conv_1", "_conv_2"), 2, True)))
        self.tail = [last.part(f"_conv_{i}", Separable(f"_exit_flow._conv_{i}")) for i in (1, 2)]
        self.keep(gap=nn.AdaptiveAvgPool2D(1), fc=last.part("_out", nn.Linear(*weights["_exit_flow._out.weight"].shape)))

    def forward(self, x):
        for layer in self.stem:
            x = nn.functional.relu(layer(x))
        for block in self.blocks:
            x = block(x)
        for layer in self.tail:
            x = nn.functional.relu(layer(x))
        return self.fc(paddle.flatten(self.gap(x), start_axis=1, stop_axis=-1))


class Deep(Node):
    def __init__(self, prefix, stride=1, dil=1, short=False, last=False):
        super().__init__()
        self.parts = []
        for i in (1, 2, 3):
            holder, p = self.part(f"_conv{i}", Node()), f"{prefix}._conv{i}"
            self.parts.append((holder.part("_conv1", conv(p + "._conv1", stride if i == 3 else 1, dil, dil)), holder.part("_bn1", norm(p + "._bn1")),
                               holder.part("_conv2", conv(p + "._conv2")), holder.part("_bn2", norm(p + "._bn2"))))
        self.keep(short=self.part("_short", ConvNorm(prefix + "._short", "_bn", stride=stride)) if short else None, last=last)

    def forward(self, x):
        y, act = x, nn.functional.relu
        for dw, bn1, pw, bn2 in self.parts:
            y = bn1(dw(y if self.last else act(y)))
            y = bn2(pw(act(y) if self.last else y))
            y = act(y) if self.last else y
        return y if self.last else y + (self.short(x) if self.short else x)


class Deeplab(Node):
    def __init__(self):
        super().__init__()
        root = "xception_41"
        self.stem = [self.part(f"_conv{i}", ConvNorm(f"_conv{i}", "_bn", stride=3 - i, pad=1)) for i in (1, 2)]
        names = [(f"{root}/entry_flow/block%d", dict(stride=2, short=True)), (f"{root}/middle_flow/block%d", {})]
        self.blocks = []
        for pattern, kw in names:
            i = 1
            while any(k.startswith(pattern % i + ".") for k in weights):
                self.blocks.append(self.part(pattern % i, Deep(pattern % i, **kw)))
                i += 1
        self.blocks.append(self.part("_exit_flow_1", Deep("_exit_flow_1", stride=2, short=True)))
        self.blocks.append(self.part("_exit_flow_2", Deep("_exit_flow_2", dil=2, last=True)))
        self.drop, self.gap = nn.Dropout(0.5, mode="downscale_in_infer"), nn.AdaptiveAvgPool2D(1)
        self.keep(fc=self.part("_fc", nn.Linear(*weights["_fc.weight"].shape)))

    def forward(self, x):
        for layer in self.stem:
            x = nn.functional.relu(layer(x))
        for block in self.blocks:
            x = block(x)
        return self.fc(paddle.squeeze(self.gap(self.drop(x)), axis=[2, 3]))


net = Deeplab() if deeplab else Xception()
own = net.state_dict()
assert own.keys() == weights.keys(), sorted(own.keys() ^ weights.keys())[:5]
net.set_state_dict(weights)
net.eval()
print(paddle.__version__, net(paddle.to_tensor(picture(75, 75))).numpy()[0].tolist())
paddle.jit.save(net, sys.argv[2], input_spec=[paddle.static.InputSpec([None, 3, 75, 75], "float32", "x")])
