#!/usr/bin/env python3
"""Writes sepnet.onnx, a little network of separable convolutions that is none of the twelve, and
what onnxruntime makes of two inputs: expected.npz. Run by hand: pip install onnx onnxruntime numpy"""
import os, sys
import numpy as np, onnx, onnxruntime
from onnx import helper, numpy_helper

folder = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{folder}/..")
from synth import picture, stream

HEIGHT, WIDTH, CLASSES = 64, 48, 7
nodes, weights = [], []


def weight(name, *shape, scale, shift=0.0):
    values = shift + scale * stream(name, np.arange(np.prod(shape))).reshape(shape)
    weights.append(numpy_helper.from_array(values.astype("f4"), name))
    return name


def node(op, inputs, output, **attributes):
    nodes.append(helper.make_node(op, inputs, [output], name=output + "/" + op, **attributes))
    return output


def conv(x, name, into, out, k, stride=1, dilation=1, depthwise=False, bias=False):
    fan = k * k * (1 if depthwise else into)
    inputs = [x, weight(name + ".w", out, 1 if depthwise else into, k, k, scale=(4 / fan) ** 0.5)]
    if bias:
        inputs.append(weight(name + ".b", out, scale=0.1))
    pad = dilation * (k // 2)
    return node("Conv", inputs, name, kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4,
                dilations=[dilation] * 2, group=into if depthwise else 1)


def norm(x, name, channels):
    parts = [weight(name + ".scale", channels, scale=0.4, shift=1), weight(name + ".shift", channels, scale=0.1),
             weight(name + ".mean", channels, scale=0.1), weight(name + ".var", channels, scale=0.4, shift=1)]
    return node("BatchNormalization", [x, *parts], name, epsilon=1e-5)


# Strided and dilated depthwise layers, batch norms with and without an activation, a 5x5 stem, a block
# whose branches both have layers, a pooling of 2x2: in Xceptions there is none of these.
x = node("Relu", [norm(conv("picture", "stem", 3, 12, 5, stride=2), "stem.bn", 12)], "stem.out")
x = node("Relu", [norm(conv(x, "down.dw", 12, 12, 3, stride=2, depthwise=True), "down.bn", 12)], "down.act")
x = conv(x, "down.pw", 12, 20, 1, bias=True)
left = conv(conv(x, "left.dw", 20, 20, 3, dilation=2, depthwise=True), "left.pw", 20, 24, 1)
right = norm(conv(x, "right", 20, 24, 1), "right.bn", 24)
x = node("Relu", [node("Add", [left, right], "sum")], "sum.out")
x = node("MaxPool", [x], "pool", kernel_shape=[2, 2], strides=[2, 2])
x = node("Relu", [conv(x, "wide", 24, 40, 3, bias=True)], "wide.out")
x = node("Flatten", [node("GlobalAveragePool", [x], "mean")], "features")
x = node("Gemm", [x, weight("fc.w", CLASSES, 40, scale=0.5), weight("fc.b", CLASSES, scale=0.1)], "logits", transB=1)
node("Softmax", [x], "probabilities", axis=1)

FLOAT = onnx.TensorProto.FLOAT
graph = helper.make_graph(
    nodes, "sepnet", [helper.make_tensor_value_info("picture", FLOAT, ["N", 3, HEIGHT, WIDTH])],
    [helper.make_tensor_value_info("probabilities", FLOAT, ["N", CLASSES])], weights)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="make.py")
model.ir_version = 8
onnx.checker.check_model(model, full_check=True)
onnx.save(model, f"{folder}/sepnet.onnx")

# The values before the softmax are an output of their own here.
model.graph.output.append(helper.make_tensor_value_info("logits", FLOAT, ["N", CLASSES]))
model.graph.output.append(helper.make_tensor_value_info("features", FLOAT, ["N", 40]))
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
inputs = np.concatenate([picture(HEIGHT, WIDTH), -picture(HEIGHT, WIDTH)[..., ::-1]])
probabilities, logits, features = session.run(["probabilities", "logits", "features"], {"picture": inputs})
np.savez(f"{folder}/expected.npz", input_0=inputs, logits=logits, features=features, probabilities=probabilities)
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}\n{logits}")
