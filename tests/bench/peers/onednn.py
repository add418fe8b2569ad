"""A network as primitives of oneDNN, through its C interface (3.x). As its guide advises, the
library chooses every layout, weights are reordered once, and what can ride on a primitive does:
ReLU behind a convolution, the residual addition into one or into a pooling."""
import ctypes, pathlib, sys
import numpy as np
import exports

# Numbers of dnnl_types.h.
CPU, F32, BF16, INFERENCE, LINEAR, RELU = 1, 3, 2, 96, 38, 32
ANY, A, AB, BA, ABCD, ABCDE = 1, 2, 3, 14, 5, 6  # layouts; ABCD is NCHW
CONVOLUTION_AUTO, POOL_MAX, POOL_AVERAGE, BINARY_ADD, BINARY_MUL = 3, 511, 1023, 131056, 131057
SRC, SRC_1, DST, WEIGHTS, BIAS, POST_OP = 1, 2, 17, 33, 41, 32768
QUERY_SRC, QUERY_WEIGHTS, QUERY_DST = 129, 131, 133


class Argument(ctypes.Structure):
    _fields_ = [("what", ctypes.c_int), ("memory", ctypes.c_void_p)]


def dims(*values):
    return (ctypes.c_int64 * 12)(*values)


class Library:
    """Calls raise what they return."""

    def __init__(self):
        self.so = ctypes.CDLL(str(pathlib.Path(sys.prefix) / "lib/libdnnl.so.3"))
        self.so.dnnl_primitive_desc_query_md.restype = ctypes.c_void_p
        self.so.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
        self.engine = self.make("engine_create", CPU, ctypes.c_size_t(0))
        self.stream = self.make("stream_create", self.engine, 1)

    def call(self, name, *args):
        status = getattr(self.so, "dnnl_" + name)(*args)
        if status:
            raise RuntimeError(f"dnnl_{name}: status {status}")

    def make(self, name, *args):
        """What a function writes through its first argument."""
        out = ctypes.c_void_p()
        self.call(name, ctypes.byref(out), *args)
        return out

    def layout(self, shape, kind, tag):
        return self.make("memory_desc_create_with_tag", len(shape), dims(*shape), kind, tag)

    def memory(self, layout, array=None):
        """Of the library's own, or an array's; aligned either way."""
        size = self.so.dnnl_memory_desc_get_size(layout)
        if array is None:
            array = np.zeros(size + 64, "u1")
            array = array[-array.ctypes.data % 64:][:size]
        memory = self.make("memory_create", layout, self.engine, ctypes.c_void_p(array.ctypes.data))
        memory.array = array  # lives as long
        return memory

    def wanted(self, descriptor, what):
        return ctypes.c_void_p(self.so.dnnl_primitive_desc_query_md(descriptor, what, 0))

    def attributes(self, ops):
        """ops: ("relu",), ("sum",) and ("binary", layout) in the order of their work."""
        attributes, chain = self.make("primitive_attr_create"), self.make("post_ops_create")
        for op in ops:
            if op[0] == "relu":
                self.call("post_ops_append_eltwise", chain, RELU, ctypes.c_float(0), ctypes.c_float(0))
            elif op[0] == "sum":
                self.call("post_ops_append_sum", chain, ctypes.c_float(1), 0, 0)
            else:
                self.call("post_ops_append_binary", chain, BINARY_ADD, op[1])
        self.call("primitive_attr_set_post_ops", attributes, chain)
        return attributes


class Program:
    """Steps that run one after the other; a value is (layout, memory)."""

    def __init__(self, net, batch, size, kind):
        self.lib, self.net, self.batch, self.kind = Library(), net, batch, kind
        self.steps, self.values, self.shapes = [], {}, net.shapes(size)
        self.readers = [[j for j, n in enumerate(net.nodes) if i in n.get("in", [])] for i in range(len(net.nodes))]
        self.done = {}  # a node whose work rides on an earlier one
        for i, node in enumerate(net.nodes):
            if i in self.done:
                self.values[i] = self.values[self.done[i]]
            else:
                getattr(self, node["op"])(i, node)

    def shape(self, i):
        return self.batch, self.net.nodes[i]["channels"], *self.shapes[i][:2]

    def any(self, i, kind=None):
        return self.lib.layout(self.shape(i), kind or self.kind, ANY)

    def step(self, descriptor, *arguments):
        array = (Argument * len(arguments))(*(Argument(what, memory) for what, memory in arguments))
        self.steps.append((self.lib.make("primitive_create", descriptor), len(arguments), array, arguments))

    def laid(self, value, layout, now=False):
        """The value's memory in a layout; reordered in each run, or now for weights."""
        have, memory = value
        if self.lib.so.dnnl_memory_desc_equal(have, layout):
            return memory
        out = self.lib.memory(layout)
        lib = self.lib
        self.step(lib.make("reorder_primitive_desc_create", have, lib.engine, layout, lib.engine, None), (SRC, memory), (DST, out))
        if now:
            self.run_step(self.steps.pop())
        return out

    def constant(self, array, tag, layout=None):
        array = np.ascontiguousarray(array, "f4")
        plain = self.lib.layout(array.shape, F32, tag)
        memory = self.lib.memory(plain, array)
        return memory if layout is None else self.laid((plain, memory), layout, now=True)

    def only_reader(self, i, op):
        """The node that alone reads a value, if it is of this kind."""
        j = self.readers[i][0] if len(self.readers[i]) == 1 else None
        return j if j is not None and self.net.nodes[j]["op"] == op else None

    def riders(self, i, with_sum):
        """Post-operations of a node, their arguments and the memory to add into, if any."""
        ops, arguments, into = [], [], None
        j = self.only_reader(i, "add")
        if j is not None:
            other = next(k for k in self.net.nodes[j]["in"] if k != i)
            free = all(k < i or k == j for k in self.readers[other])  # its value is not needed after
            if other in self.values and (free or not with_sum):
                layout, memory = self.values[other]
                ops.append(("sum",) if with_sum else ("binary", layout))
                into = self.values[other] if with_sum else None
                arguments += [] if with_sum else [(POST_OP | SRC_1, memory)]
                self.done[j] = i
        last = j if j in self.done else i
        relu = self.only_reader(last, "relu")
        if relu is not None:
            ops.append(("relu",))
            self.done[relu] = i
        return self.lib.attributes(ops), arguments, into

    def input(self, i, node):
        layout = self.lib.layout(self.shape(i), F32, ABCD)
        self.source = np.zeros(self.shape(i), "f4")
        self.values[i] = layout, self.lib.memory(layout, self.source)

    def window(self, i, node, make, arguments=lambda descriptor: [], with_sum=True):
        lib, src = self.lib, node["in"][0]
        attributes, more, into = self.riders(i, with_sum)
        descriptor = make(self.any(i) if into is None else into[0], attributes)
        layout = lib.wanted(descriptor, QUERY_DST)
        value = layout, lib.memory(layout) if into is None else into[1]
        self.step(descriptor, (SRC, self.laid(self.values[src], lib.wanted(descriptor, QUERY_SRC))), (DST, value[1]),
                  *arguments(descriptor), *more)
        self.values[i] = value

    def conv(self, i, node):
        lib, pads, tag = self.lib, self.shapes[i][2], ABCD
        w, bias = exports.weights_oihw(self.net, node), exports.bias_of(self.net, node)
        if node["op"] == "depthwise":
            w, tag = w[:, None], ABCDE
        bias_layout = lib.layout(bias.shape, F32, A)
        self.window(i, node, lambda dst, attributes: lib.make(
            "convolution_forward_primitive_desc_create", lib.engine, INFERENCE, CONVOLUTION_AUTO, self.any(node["in"][0]),
            lib.layout(w.shape, self.kind, ANY), bias_layout, dst, dims(node["stride"], node["stride"]),
            dims(*[node["dilation"] - 1] * 2), dims(*pads[:2]), dims(*pads[2:]), attributes),
            lambda descriptor: [(WEIGHTS, self.constant(w, tag, lib.wanted(descriptor, QUERY_WEIGHTS))),
                                (BIAS, self.constant(bias, A))])
    depthwise = conv

    def pooling(self, i, node, kind, kernel, stride, pads):
        lib, src = self.lib, self.values[node["in"][0]][0]
        self.window(i, node, lambda dst, attributes: lib.make(
            "pooling_forward_primitive_desc_create", lib.engine, INFERENCE, kind, src, dst, dims(stride, stride),
            dims(*kernel), dims(0, 0), dims(*pads[:2]), dims(*pads[2:]), attributes), with_sum=False)

    def maxpool(self, i, node):
        self.pooling(i, node, POOL_MAX, node["kernel"], node["stride"], self.shapes[i][2])

    def globalpool(self, i, node):
        self.pooling(i, node, POOL_AVERAGE, self.shapes[node["in"][0]][:2], 1, (0,) * 4)

    def eltwise(self, i, node, kind, alpha):
        layout, memory = self.values[node["in"][0]]
        out = self.lib.memory(layout)
        self.step(self.lib.make("eltwise_forward_primitive_desc_create", self.lib.engine, INFERENCE, kind, layout, layout,
                                ctypes.c_float(alpha), ctypes.c_float(0), None), (SRC, memory), (DST, out))
        self.values[i] = layout, out

    def relu(self, i, node):
        self.eltwise(i, node, RELU, 0)

    def scale(self, i, node):
        self.eltwise(i, node, LINEAR, node["scale"])

    def binary(self, kind, value, layout, memory, ops):
        out = value[0], self.lib.memory(value[0])
        self.step(self.lib.make("binary_primitive_desc_create", self.lib.engine, kind, value[0], layout, value[0],
                                self.lib.attributes(ops)), (SRC, value[1]), (SRC_1, memory), (DST, out[1]))
        return out

    def add(self, i, node):
        a, b = (self.values[k] for k in node["in"])
        self.values[i] = self.binary(BINARY_ADD, a, *b, [])

    def affine(self, i, node):
        shape = 1, node["channels"], 1, 1
        layout = self.lib.layout(shape, F32, ABCD)
        w, bias = (self.constant(v.reshape(shape), ABCD) for v in (self.net.tensors[node["name"] + ".weight"], exports.bias_of(self.net, node)))
        relu = self.only_reader(i, "relu")
        if relu is not None:
            self.done[relu] = i
        value = self.binary(BINARY_MUL, self.values[node["in"][0]], layout, w, [])
        self.values[i] = self.binary(BINARY_ADD, value, layout, bias, [("relu",)] if relu is not None else [])

    def dense(self, i, node):
        lib, src = self.lib, node["in"][0]
        w, bias = self.net.tensors[node["name"] + ".weight"].T, exports.bias_of(self.net, node)
        w = np.ascontiguousarray(w)[:, :, None, None]
        self.result = np.zeros((self.batch, node["channels"]), "f4")
        layout = lib.layout(self.result.shape, F32, AB)
        descriptor = lib.make("inner_product_forward_primitive_desc_create", lib.engine, INFERENCE, self.any(src),
                              lib.layout(w.shape, self.kind, ANY), lib.layout(bias.shape, F32, A), layout, None)
        self.step(descriptor, (SRC, self.laid(self.values[src], lib.wanted(descriptor, QUERY_SRC))),
                  (WEIGHTS, self.constant(w, ABCD, lib.wanted(descriptor, QUERY_WEIGHTS))), (BIAS, self.constant(bias, A)),
                  (DST, lib.memory(layout, self.result)))

    def run_step(self, step):
        primitive, count, array, _ = step
        self.lib.call("primitive_execute", primitive, self.lib.stream, count, array)
        self.lib.call("stream_wait", self.lib.stream)

    def run(self):
        execute, stream = self.lib.so.dnnl_primitive_execute, self.lib.stream
        for primitive, count, array, _ in self.steps:
            if execute(primitive, stream, count, array):
                raise RuntimeError("dnnl_primitive_execute failed")
        self.lib.call("stream_wait", stream)
        return self.result


class Version(ctypes.Structure):
    _fields_ = [(part, ctypes.c_int) for part in ("major", "minor", "patch")]


def version(lib):
    lib.so.dnnl_version.restype = ctypes.POINTER(Version)
    v = lib.so.dnnl_version().contents
    return f"{v.major}.{v.minor}.{v.patch}"
