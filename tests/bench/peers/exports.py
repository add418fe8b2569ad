"""One network as each engine wants it: ONNX (onnxruntime, openvino, MNN's converter), ncnn's
own two files, and a module for torch."""
import numpy as np


def weights_oihw(net, node):
    w = net.tensors[node["name"] + ".weight"]
    if node["op"] == "depthwise":
        return np.ascontiguousarray(w.transpose(2, 0, 1)[:, None])
    return np.ascontiguousarray(w.transpose(3, 2, 0, 1))


def bias_of(net, node):
    name = node["name"] + ".bias"
    return net.tensors[name] if name in net.tensors else np.zeros(node["channels"], "f4")


def onnx_window(node, pads):
    return {"kernel_shape": node["kernel"], "strides": [node["stride"]] * 2, "pads": pads,
            "dilations": [node["dilation"]] * 2}


def write_onnx(net, batch, size, path):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    rows, tensors, names = [], [], []
    for i, (node, (_, _, pads)) in enumerate(zip(net.nodes, net.shapes(size))):
        op, out = node["op"], f"v{i}"
        args = [names[k] for k in node.get("in", [])]

        def constant(suffix, value):
            tensors.append(numpy_helper.from_array(np.asarray(value, "f4"), f"{node['name']}.{suffix}"))
            args.append(tensors[-1].name)
        more = {}
        if op == "input":
            names.append("input")
            continue
        if op in ("conv", "depthwise"):
            constant("weight", weights_oihw(net, node))
            constant("bias", bias_of(net, node))
            more = onnx_window(node, pads) | {"group": node["channels"] if op == "depthwise" else 1}
        elif op == "maxpool":
            more = onnx_window(node, pads)
        elif op == "affine":
            for suffix, value in (("weight", net.tensors[node["name"] + ".weight"]), ("bias", bias_of(net, node)),
                                  ("mean", np.zeros(node["channels"])), ("var", np.ones(node["channels"]))):
                constant(suffix, value)
            more = {"epsilon": 0.0}
        elif op == "scale":
            constant("scale", node["scale"])
        elif op == "dense":
            rows.append(helper.make_node("Flatten", args, [out + "f"]))
            args = [out + "f"]
            constant("weight", net.tensors[node["name"] + ".weight"])
            constant("bias", bias_of(net, node))
        kind = {"conv": "Conv", "depthwise": "Conv", "relu": "Relu", "maxpool": "MaxPool", "add": "Add",
                "globalpool": "GlobalAveragePool", "dense": "Gemm", "affine": "BatchNormalization",
                "scale": "Mul"}[op]
        names.append("output" if i == len(net.nodes) - 1 else out)
        rows.append(helper.make_node(kind, args, [names[-1]], name=node["name"], **more))
    classes = net.nodes[-1]["channels"]
    graph = helper.make_graph(rows, "xception", [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, size, size])],
                              [helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, classes])], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


class Ncnn:
    """Writes ncnn's two files. ReLUs ride on the convolution in front of them, as ncnn's own
    optimiser does it; a value with several readers goes through a Split, as the format demands."""

    def __init__(self, net, size, binary):
        self.net, self.binary, self.lines, self.blobs = net, binary, [], 0
        self.readers, self.shapes = net.readers(), net.shapes(size)
        self.only_relu = {n["in"][0] for n in net.nodes if n["op"] == "relu" and self.readers[n["in"][0]] == 1
                          and net.nodes[n["in"][0]]["op"] in ("conv", "depthwise")}
        self.names = {}  # of a node's value, one for each reader to come

    def layer(self, kind, name, inputs, outputs, params):
        self.blobs += len(outputs)
        text = " ".join(f"{k}={v}" for k, v in params.items())
        self.lines.append(f"{kind} {name} {len(inputs)} {len(outputs)} {' '.join(inputs + outputs)} {text}")

    def weights(self, *arrays, flag=True):
        """The first of a layer has a word in front that says float32, but not a Scale's."""
        self.binary.write((b"\0\0\0\0" if flag else b"") + b"".join(np.ascontiguousarray(a, "<f4").tobytes() for a in arrays))

    def window(self, i, node):
        w, pads = weights_oihw(self.net, node), self.shapes[i][2]
        params = {0: node["channels"], 1: node["kernel"][1], 11: node["kernel"][0], 2: node["dilation"], 3: node["stride"],
                  4: pads[1], 14: pads[0], 15: pads[3], 16: pads[2], 5: 1, 6: w.size}
        params |= {7: node["channels"]} if node["op"] == "depthwise" else {}
        params |= {9: 1} if i in self.only_relu else {}
        self.weights(w, bias_of(self.net, node))
        return ("ConvolutionDepthWise" if node["op"] == "depthwise" else "Convolution"), params

    def kind_of(self, i, node):
        op, pads = node["op"], self.shapes[i][2]
        if op in ("conv", "depthwise"):
            return self.window(i, node)
        if op == "maxpool":
            return "Pooling", {0: 0, 1: 3, 2: node["stride"], 3: pads[1], 13: pads[0], 14: pads[3], 15: pads[2], 5: 1}
        if op == "affine":
            self.weights(self.net.tensors[node["name"] + ".weight"], bias_of(self.net, node), flag=False)
            return "Scale", {0: node["channels"], 1: 1}
        if op == "dense":
            w = self.net.tensors[node["name"] + ".weight"].T
            self.weights(w, bias_of(self.net, node))
            return "InnerProduct", {0: node["channels"], 1: 1, 2: w.size}
        return {"input": ("Input", {}), "relu": ("ReLU", {}), "add": ("BinaryOp", {0: 0}),
                "scale": ("BinaryOp", {0: 2, 1: 1, 2: node.get("scale")}), "globalpool": ("Pooling", {0: 1, 4: 1})}[op]

    def node(self, i, node):
        sources = [self.names[k].pop() for k in node.get("in", [])]
        if node["op"] == "relu" and node["in"][0] in self.only_relu:
            out = sources[0]
        else:
            out = "output" if i == len(self.net.nodes) - 1 else "input" if node["op"] == "input" else f"v{i}"
            kind, params = self.kind_of(i, node)
            self.layer(kind, node["name"], sources, [out], params)
        self.names[i] = [out]
        if self.readers[i] > 1:
            self.names[i] = [f"{out}_{k}" for k in range(self.readers[i])]
            self.layer("Split", f"split{i}", [out], self.names[i], {})


def write_ncnn(net, size, param, binary):
    with open(binary, "wb") as f:
        writer = Ncnn(net, size, f)
        for i, node in enumerate(net.nodes):
            writer.node(i, node)
    with open(param, "w") as f:
        f.write(f"7767517\n{len(writer.lines)} {writer.blobs}\n" + "\n".join(writer.lines) + "\n")


def torch_module(net, size, dtype):
    """Channels last; to be traced."""
    import torch
    import torch.nn.functional as F
    tensors = {}
    for node in net.nodes:
        if node["op"] in ("conv", "depthwise"):
            tensors[node["name"]] = (torch.from_numpy(weights_oihw(net, node)).to(dtype).contiguous(memory_format=torch.channels_last),
                                     torch.from_numpy(bias_of(net, node).copy()).to(dtype))
        elif node["op"] == "dense":
            tensors[node["name"]] = (torch.from_numpy(net.tensors[node["name"] + ".weight"].T.copy()).to(dtype),
                                     torch.from_numpy(bias_of(net, node).copy()).to(dtype))
        elif node["op"] == "affine":
            tensors[node["name"]] = (torch.from_numpy(net.tensors[node["name"] + ".weight"].copy()).to(dtype)[:, None, None],
                                     torch.from_numpy(bias_of(net, node).copy()).to(dtype)[:, None, None])
    shapes = net.shapes(size)

    def window(x, pads, value=0.0):
        """The input with what of its padding is not the same on both sides, and the rest."""
        if pads[0] == pads[2] and pads[1] == pads[3]:
            return x, (pads[0], pads[1])
        return F.pad(x, (pads[1], pads[3], pads[0], pads[2]), value=value), (0, 0)

    def run(x):
        values = []
        for node, (_, _, pads) in zip(net.nodes, shapes):
            op, t = node["op"], tensors.get(node["name"])
            a = values[node["in"][0]] if node.get("in") else x
            if op in ("conv", "depthwise"):
                a, pad = window(a, pads)
                a = F.conv2d(a, *t, node["stride"], pad, node["dilation"], node["channels"] if op == "depthwise" else 1)
            elif op == "maxpool":
                a, pad = window(a, pads, -np.inf)
                a = F.max_pool2d(a, 3, node["stride"], pad)
            elif op == "relu":
                a = F.relu(a)
            elif op == "add":
                a = a + values[node["in"][1]]
            elif op == "scale":
                a = a * node["scale"]
            elif op == "affine":
                a = a * t[0] + t[1]
            elif op == "globalpool":
                a = a.mean((2, 3))
            elif op == "dense":
                a = F.linear(a, *t)
            values.append(a)
        return values[-1]

    class Module(torch.nn.Module):
        def forward(self, x):
            return run(x)
    return Module()
