"""Networks as xlens' native files hold them (xlens-model(5)): read, written, and made with
random weights for the twelve published Xceptions, batch norms folded already."""
import json, struct
import numpy as np

ENTRY = {41: [(128, 2), (256, 2), (728, 2)], 65: [(128, 2), (256, 2), (728, 2)],
         71: [(128, 2), (256, 1), (256, 2), (728, 1), (728, 2)]}
MIDDLE = {41: 8, 65: 16, 71: 16}
NAMES = ("timm_xception timm_xception41 timm_xception41p timm_xception65 timm_xception65p timm_xception71 "
         "keras_xception ppcls_xception41 ppcls_xception41_deeplab ppcls_xception65 "
         "ppcls_xception65_deeplab ppcls_xception71").split()
WITH_WEIGHTS = ("conv", "depthwise", "affine", "dense")


class Network:
    def __init__(self):
        self.nodes, self.tensors, self.meta = [], {}, {}

    def add(self, op, *inputs, channels=None, **more):
        if channels is None:
            channels = self.nodes[inputs[0]]["channels"]
        self.nodes.append({"name": f"{op}{len(self.nodes)}", "op": op, "in": list(inputs),
                           "channels": channels, **more})
        return len(self.nodes) - 1

    def readers(self):
        """For each node how many others read it."""
        count = [0] * len(self.nodes)
        for node in self.nodes:
            for i in node.get("in", []):
                count[i] += 1
        return count

    def shapes(self, size):
        """[(height, width, pads as top, left, bottom, right)] of the nodes for a square input."""
        shapes = []
        for node in self.nodes:
            if node["op"] == "input":
                shapes.append((size, size, None))
                continue
            h, w, _ = shapes[node["in"][0]]
            pads = None
            if "kernel" in node:
                pads, stride, extents = [0] * 4, node["stride"], []
                for axis, n in enumerate((h, w)):
                    reach = (node["kernel"][axis] - 1) * node["dilation"] + 1
                    if node["pad"] == "same":
                        total = max((-(-n // stride) - 1) * stride + reach - n, 0)
                        pads[axis], pads[axis + 2] = total // 2, total - total // 2
                    else:
                        pads[axis], pads[axis + 2] = node["pad"][axis], node["pad"][axis + 2]
                    extents.append((n + pads[axis] + pads[axis + 2] - reach) // stride + 1)
                h, w = extents
            elif node["op"] in ("globalpool", "dense"):
                h = w = 1
            shapes.append((h, w, pads))
        return shapes


# ---- files ----

def read(path):
    net = Network()
    blob = open(path, "rb").read()
    n = struct.unpack_from("<Q", blob)[0]
    header = json.loads(blob[8:8 + n])
    net.meta = header.pop("__metadata__")
    net.nodes = json.loads(net.meta["xlens.graph"])
    for name, t in header.items():
        begin, end = t["data_offsets"]
        net.tensors[name] = np.frombuffer(blob[8 + n + begin:8 + n + end], "<f4").reshape(t["shape"])
    return net


def stale(path, program):
    """Whether what a program writes is not there, or from before the program was built."""
    return not path.exists() or path.stat().st_mtime < program.stat().st_mtime


def write(net, path):
    header, at = {"__metadata__": net.meta}, 0
    for name, t in net.tensors.items():
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + t.nbytes]}
        at += t.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in net.tensors.values():
            f.write(np.ascontiguousarray(t).tobytes())


# ---- the twelve ----

class Builder(Network):
    def window(self, op, x, channels, k, stride=1, pad=0, dilation=1):
        return self.add(op, x, channels=channels, kernel=[k, k], stride=stride, dilation=dilation,
                        pad=pad if pad == "same" else [pad] * 4)

    def conv(self, x, channels, k=1, stride=1, pad=0):
        return self.window("conv", x, channels, k, stride, pad)

    def depthwise(self, x, stride=1, dilation=1):
        return self.window("depthwise", x, None, 3, stride, dilation, dilation)

    def relu(self, x):
        return self.add("relu", x)

    def pool(self, x, stride, pad=1):
        return self.window("maxpool", x, None, 3, stride, pad)

    def stem(self, pad, last_relu=True):
        x = self.relu(self.conv(self.add("input", channels=3), 32, 3, 2, pad))
        x = self.conv(x, 64, 3, 1, pad)
        return self.relu(x) if last_relu else x

    def separable(self, x, channels):
        return self.conv(self.depthwise(x), channels)

    def head(self, x):
        self.add("dense", self.add("globalpool", x), channels=1000)


def pooled(net, pad, pool_pad, entry, middle, separable):
    """timm's and Keras' Xception, and PaddleClas' without deeplab."""
    x = net.stem(pad)

    def block(x, first, last, stride, leading):
        skip = net.conv(x, last, 1, stride)
        y = separable(net.relu(x) if leading else x, first)
        y = separable(net.relu(y), last)
        return net.add("add", net.pool(y, stride, pool_pad), skip)
    for i, (channels, stride) in enumerate(entry):
        x = block(x, channels, channels, stride, i > 0)
    for _ in range(middle):
        y = x
        for _ in range(3):
            y = separable(net.relu(y), 728)
        x = net.add("add", y, x)
    x = block(x, 728, 1024, 2, True)
    for channels in (1536, 2048):
        x = net.relu(separable(x, channels))
    net.head(x)


def aligned(net, version, preact=False, deeplab=False):
    """timm's aligned and pre-activation Xceptions, and PaddleClas' deeplab."""
    x = net.stem(1, not preact)
    rows = [((c, c, c), s) for c, s in ENTRY[version]] + [((728,) * 3, 1)] * MIDDLE[version]
    rows += [((728, 1024, 1024), 2), ((1536, 1536, 2048), 1)]
    for b, (channels, stride) in enumerate(rows):
        last = b == len(rows) - 1
        if preact:
            x = net.relu(net.add("affine", x))
        y = x
        for i, c in enumerate(channels):
            if preact and i:
                y = net.add("affine", y)
            if (i if preact else not last):
                y = net.relu(y)
            y = net.depthwise(y, stride if i == 2 else 1, 2 if deeplab and last else 1)
            y = net.relu(y) if last and not preact else y
            y = net.conv(y, c)
            y = net.relu(y) if last and not preact else y
        if not last:
            if stride > 1 or net.nodes[x]["channels"] != channels[2]:
                x = net.conv(x, channels[2], 1, stride)
            y = net.add("add", y, x)
        x = y
    if preact:
        x = net.relu(x)
    net.head(net.add("scale", x, scale=0.5) if deeplab else x)


def random_weights(net, seed):
    """He's variance; an affine that keeps what comes in near 1, so that no activation runs away."""
    rng = np.random.default_rng(seed)
    for node in net.nodes:
        c, name = node["channels"], node["name"]
        fan = net.nodes[node["in"][0]]["channels"] if node["in"] else 0
        if node["op"] == "affine":
            net.tensors[f"{name}.weight"] = rng.uniform(.5, .9, c).astype("f4")
        elif node["op"] in WITH_WEIGHTS:
            k = node.get("kernel", [])
            shape = [*k, c] if node["op"] == "depthwise" else [*k, fan, c]
            fan_in = 9 if node["op"] == "depthwise" else int(np.prod(shape[:-1]))
            gain = 1 if node["op"] == "depthwise" else 1.4
            net.tensors[f"{name}.weight"] = (rng.standard_normal(shape) * np.sqrt(gain / fan_in)).astype("f4")
        if node["op"] in WITH_WEIGHTS:
            net.tensors[f"{name}.bias"] = (rng.standard_normal(c) * .05).astype("f4")


def make(name, seed=1):
    net = Builder()
    publisher, kind = name.split("_", 1)
    if kind == "xception":
        same = publisher == "keras"
        pooled(net, 0, "same" if same else 1, ENTRY[41], 8, net.separable)
    elif publisher == "ppcls" and not kind.endswith("_deeplab"):
        version = int(kind[8:10])
        pooled(net, 1, 1, ENTRY[version], MIDDLE[version], lambda x, c: net.depthwise(net.conv(x, c)))
    else:
        aligned(net, int(kind[8:10]), kind.endswith("p"), kind.endswith("_deeplab"))
    random_weights(net, seed)
    net.meta = {"xlens.format": "1", "xlens.arch": name, "xlens.publisher": publisher, "xlens.input": "3,299,299",
                "xlens.precision": "float32", "xlens.preprocess": "xception", "xlens.graph": json.dumps(net.nodes)}
    return net
