"""Model files with one damage each, eleven formats by nine damages: every one is refused with exit
status 3 and one line that names the file, the place in it, what is wrong and, where there is a choice,
what was expected. The whole files open (the first test), so it is the damage that is refused."""
import io, pickletools, shutil, zipfile

from harness import DATA, REFERENCE, CliTest, main, skip_loudly

TINY = REFERENCE / "models/tiny"
DAMAGES = ("missing tensor", "wrong shape", "NaN", "truncated", "wrong dtype", "cyclic graph", "unknown op",
           "duplicate name", "huge count")
NAN = b"\0\0\xc0\x7f"


# ---- how to damage: functions from a whole file's bytes to a damaged one's ----

def swap(old, new):
    """One text, the first if it is there several times, becomes another."""
    def edit(data):
        assert old in data, old
        return data.replace(old, new, 1)
    return edit


def poke(at, new):
    def edit(data):
        place = at(data) if callable(at) else at % len(data)
        return data[:place] + new + data[place + len(new):]
    return edit


def behind(text, more):
    return lambda data: data.index(text) + len(text) + more


def cut(data):
    return data[:len(data) * 2 // 3]


def member(suffix, edit):
    """The same in a member of a zip archive, whose checksums stay right."""
    def edit_zip(data):
        out, hits = io.BytesIO(), 0
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
            for info in old.infolist():
                content = old.read(info)
                if info.filename.endswith(suffix):
                    hits += 1
                    content = edit(content)
                new.writestr(info.filename, content, info.compress_type)
        assert hits == 1, (suffix, hits)
        return out.getvalue()
    return edit_zip


def pickled(edit):
    return member("/data.pkl", edit)


# ---- formats of tensors by name ----

# A dict whose only entry, state_dict, is the dict itself.
ITSELF = b"\x80\x02}q\x01(X\x0a\0\0\0state_dictq\x02h\x01u."
SHAPE = b"K\x20K\x03K\x03K\x03"  # 32x3x3x3 in a pickle
HUGE_SHAPE = b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7fK\x03K\x03"
TALL_SHAPE = b"K\x20K\x03K\x09K\x01"
SYSTEM = swap(b"torch._utils\n_rebuild_tensor_v2", b"os\nsystem")
REFUSED = "which is refused: only tensors, dicts, lists, numbers and text are read"
BEYOND = "tensor stem.0.conv.weight reaches beyond its 864 elements"


def legacy_itself(data):
    """The third pickle of the file, behind magic and system's, is the state dict."""
    begin = data.index(b"\x80\x02ccollections")
    return data[:begin] + ITSELF + data[begin + 1 + max(at for _, _, at in pickletools.genops(data[begin:])):]


def first_weights():
    """What stem.0.conv.weight holds in all files called timm_micro."""
    with zipfile.ZipFile(TINY / "timm_micro.pth") as pth:
        return pth.read("timm_micro/data/0")


def nan_in_text(data):
    """numpy's bytes as latin-1 in UTF-8: the tenth number of the first array."""
    at = data.index(b"h\x05X") + 3
    size = int.from_bytes(data[at:at + 4], "little")
    raw = bytearray(data[at + 4:at + 4 + size].decode().encode("latin-1"))
    raw[40:44] = NAN
    text = bytes(raw).decode("latin-1").encode()
    return data[:at] + len(text).to_bytes(4, "little") + text + data[at + 4 + size:]


TORCH_ZIP = {
    "missing tensor": (pickled(swap(b"stem.0.bn.weight", b"stem.0.bn.weighx")),
                       "tensor stem.0.bn.weight is missing (nearest name: stem.0.bn.weighx)"),
    "wrong shape": (pickled(swap(SHAPE, TALL_SHAPE)), BEYOND),
    "NaN": (member("/data/0", poke(40, NAN)), "tensor stem.0.conv.weight holds NaN at element 10 of 864"),
    "truncated": (cut, "a zip archive that is cut short, expected a model"),
    "wrong dtype": (pickled(swap(b"FloatStorage", b"CharsStorage")),
                    "a storage of type torch.CharsStorage, expected one of floats or integers"),
    "cyclic graph": (pickled(lambda _: ITSELF), "no tensors in its state dict of 1 entries"),
    "unknown op": (pickled(SYSTEM), f"pickle, byte 70: asks for os.system, {REFUSED}"),
    "duplicate name": (pickled(swap(b"stem.1.bn.weight", b"stem.0.bn.weight")),
                       "tensor stem.0.bn.weight appears twice"),
    "huge count": (pickled(swap(b"M\x60\x03", b"\x8a\x08\0\0\0\0\0\0\0\x10")), "claims 4611686018427479728 bytes"),
}
TORCH_SCRIPT = {
    **TORCH_ZIP,
    "missing tensor": (pickled(swap(b"running_mean", b"running_meax")),
                       "tensor stem.0.bn.running_mean is missing (nearest name: stem.0.bn.running_meax)"),
    "unknown op": (pickled(SYSTEM), f"pickle, byte 509: asks for os.system, {REFUSED}"),
    "duplicate name": (pickled(swap(b"X\x04\0\0\0bias", b"X\x06\0\0\0weight")), "weight appears twice"),
    "huge count": (pickled(swap(SHAPE, HUGE_SHAPE)), BEYOND),
}
TORCH_LEGACY = {
    "missing tensor": (swap(b"stem.0.bn.weight", b"stem.0.bn.weighx"),
                       "tensor stem.0.bn.weight is missing (nearest name: stem.0.bn.weighx)"),
    "wrong shape": (swap(SHAPE, TALL_SHAPE), BEYOND),
    "NaN": (lambda data: swap(first_weights()[40:48], NAN * 2)(data),
            "tensor stem.0.conv.weight holds NaN at element 10 of 864"),
    "truncated": (cut, "truncated at byte 27307, a storage of 73728 bytes goes beyond"),
    "wrong dtype": (swap(b"FloatStorage", b"DoomsStorage"),
                    "a storage of type torch.DoomsStorage, expected one of floats or integers"),
    "cyclic graph": (legacy_itself, "storage 0 is listed but unknown"),
    "unknown op": (SYSTEM, f"pickle, byte 70: asks for os.system, {REFUSED}"),
    "duplicate name": (swap(b"stem.1.bn.weight", b"stem.0.bn.weight"), "tensor stem.0.bn.weight appears twice"),
    "huge count": (swap(b"M\x60\x03", b"\x8a\x08\0\0\0\0\0\0\0\x10"), "a storage of 4611686018427387904 bytes"),
}
STEM = b'"stem.0.conv.weight":{"dtype":"F32","shape":[32,3,3,3]'
SAFETENSORS = {
    "missing tensor": (swap(b'"stem.0.bn.weight"', b'"stem.0.bn.weighx"'), "tensor stem.0.bn.weight is missing"),
    "wrong shape": (swap(STEM, STEM.replace(b"3,3,3]", b"3,9,1]")),
                    "tensor stem.0.conv.weight is 32x3x9x1, expected ?x3x3x3"),
    "NaN": (lambda data: swap(first_weights()[40:48], NAN * 2)(data),
            "tensor stem.0.conv.weight holds NaN at element 10 of 864"),
    "truncated": (cut, "tensor stem.1.conv.weight lies at bytes 21552 to 95280 of 59480: damaged or cut short"),
    "wrong dtype": (swap(STEM, STEM.replace(b"F32", b"I32")), "conv.weight is of another type, expected a float type"),
    # There is no graph in it, and so no cycle and no op: see the native format.
    "cyclic graph": None,
    "unknown op": None,
    "duplicate name": (swap(b'"stem.1.bn.weight"', b'"stem.0.bn.weight"'), "tensor stem.0.bn.weight appears twice"),
    "huge count": (poke(0, b"\xff" * 6), "header of 281474976710655 bytes in a file of 107400: damaged or cut short"),
}
NATIVE = {
    "missing tensor": (swap(b'"stem.0.conv.bias":', b'"stem.0.conv.biax":'), "stem.0.conv.bia"),
    "wrong shape": (swap(rb'\"in\":[0],\"channels\":32', rb'\"in\":[0],\"channels\":31'),
                    "stem.0.conv.weight has not the shape of its node"),
    "NaN": (poke(-8, NAN), "not a finite number"),
    "truncated": (cut, "damaged or cut short"),
    "wrong dtype": (swap(b'"dtype":"F32"', b'"dtype":"I32"'),
                    "tensor stem.0.conv.weight is of another type, expected F32"),
    "cyclic graph": (swap(rb'\"op\":\"conv\",\"in\":[0]', rb'\"op\":\"conv\",\"in\":[9]'), "reads a later one"),
    "unknown op": (swap(rb'\"op\":\"relu\"', rb'\"op\":\"lstm\"'), "node 2 of xlens.graph: the op lstm is not known"),
    "duplicate name": (swap(b'"stem.1.conv.bias":', b'"stem.0.conv.bias":'), "tensor stem.0.conv.bias appears twice"),
    "huge count": (swap(rb'\"channels\":32', rb'\"channels\":4294967296'), "node 1 of xlens.graph is damaged"),
}
NUMPY = b"K\x08K\x03K\x03K\x03"
PDPARAMS = {
    "missing tensor": (swap(b"_conv1._bn.weight", b"_conv1._bn.weighx"),
                       "tensor _conv1._bn.weight is missing (nearest name: _conv1._bn.weighx)"),
    "wrong shape": (swap(NUMPY, b"K\x08K\x09K\x03K\x01"), "tensor _conv1._conv.weight is 8x9x3x1, expected ?x3x3x3"),
    "NaN": (nan_in_text, "tensor _conv1._conv.weight holds NaN at element 10 of 216"),
    "truncated": (cut, "pickle, byte 134170: 4493 bytes announced, 3541 are left"),
    "wrong dtype": (swap(b"X\x02\0\0\0f4", b"X\x02\0\0\0i4"),
                    "conv1._conv.weight is of another type, expected a float type"),
    "cyclic graph": (lambda _: ITSELF, "no arrays among the 1 entries of its dict"),
    "unknown op": (swap(b"numpy\nndarray", b"posix\nexecve1"), f"pickle, byte 86: asks for posix.execve1, {REFUSED}"),
    "duplicate name": (swap(b"_conv2._bn.weight", b"_conv1._bn.weight"), "tensor _conv1._bn.weight appears twice"),
    "huge count": (swap(NUMPY, b"\x8a\x08\0\0\0\0\0\0\0\x10K\x03K\x03K\x03"),
                   "the shape of tensor _conv1._conv.weight overflows"),
}

# ---- formats with a graph ----

CYCLE = "which is no weight and no earlier node makes: it is missing, or the graph has a cycle"
WEIGHT = b"\x08\x20\x08\x03\x08\x03\x08\x03\x10\x01B\x12stem.0.conv.weight"  # dims, type, name
ONNX = {
    "missing tensor": (swap(b"B\x12stem.0.conv.weight", b"B\x12stem.0.conv.weighx"),
                       f"node /stem/stem.0/conv/Conv (Conv): reads stem.0.conv.weight, {CYCLE}"),
    "wrong shape": (swap(WEIGHT, WEIGHT.replace(b"\x20\x08\x03\x08\x03\x08\x03", b"\x20\x08\x09\x08\x03\x08\x01")),
                    "tensor stem.0.conv.weight is 32x9x3x1, expected ?x3x?x?"),
    "NaN": (poke(behind(WEIGHT, 43), NAN), "tensor stem.0.conv.weight holds NaN at element 10 of 864"),
    "truncated": (cut, "damaged ONNX: its messages do not fit into its 77610 bytes"),
    "wrong dtype": (swap(WEIGHT, WEIGHT.replace(b"\x10\x01", b"\x10\x02")),
                    "tensor stem.0.conv.weight is of another type, expected a float type"),
    "cyclic graph": (swap(b"\n\x05input\n\x12stem.0.conv.weight", b"\n\x05inpux\n\x12stem.0.conv.weight"),
                     f"node /stem/stem.0/conv/Conv (Conv): reads inpux, {CYCLE}"),
    "unknown op": (swap(b'"\x04Relu', b'"\x04LSTM'), "node /stem/stem.0/bn/act/Relu (LSTM): the op LSTM is not known"),
    "duplicate name": (swap(b"B\x10stem.1.bn.weight", b"B\x10stem.0.bn.weight"),
                       "tensor stem.0.bn.weight appears twice"),
    "huge count": (swap(WEIGHT, b"\x08\xff\xff\xff\xff\xff\xff\x7f" + WEIGHT[8:]),
                   "has 3456 bytes, its shape asks for 2251799813685244"),
}
FLOAT = bytes.fromhex("11201f000400000000002000")  # an HDF5 datatype, and one of integers
INTEGER = bytes.fromhex("100800000400000000002000")
FOUR_DIMS = b"\x01\x04\x01\0\0\0\0\0"  # the head of an HDF5 dataspace; the extents follow
NO_FLOATS = "holds no floats, expected them of 16, 32 or 64 bits"
HDF5 = {
    "missing tensor": (swap(b"kernel:0\0", b"kernex:0\0"),
                       "layer block13_sepconv1 (SeparableConv2D) has no tensor pointwise_kernel"),
    "wrong shape": (swap(b'"filters": 8,', b'"filters": 9,'), "kernel:0 is 3x3x3x8, expected 3x3x3x9"),
    # The kernel 3x3x24x1 that is stored first.
    "NaN": (lambda data: poke(data.index(keras2_floats(data)), NAN)(data), "is not a finite number"),
    "truncated": (cut, "damaged HDF5 file of 176304 bytes, or cut short"),
    "wrong dtype": (swap(FLOAT, INTEGER), f"gamma:0 {NO_FLOATS}"),
    "cyclic graph": (swap(b'[[["block1_conv1", 0,', b'[[["block1_conv2", 0,'),
                     "layer block1_conv1_bn (BatchNormalization): reads block1_conv2, which is not an earlier layer"),
    "unknown op": (swap(b'"MaxPooling2D"', b'"LSTMPooling2"'), "layer block2_pool (LSTMPooling2): unknown class"),
    "duplicate name": (swap(b'"name": "block1_conv2_act", "inb', b'"name": "block1_conv1_act", "inb'),
                       "two layers are named block1_conv1_act"),
    "huge count": (poke(behind(FOUR_DIMS, 0), (1 << 40).to_bytes(8, "little")),
                   "depthwise_kernel:0 has more numbers than any layer"),
}


def keras2_floats(data):
    """The first bytes of an array, found by the address in the layout message behind its dataspace."""
    layout = b"\x08\0\x18\0\0\0\0\0\x03\x01"  # contiguous
    at = data.index(layout, data.index(FOUR_DIMS)) + len(layout)
    begin = int.from_bytes(data[at:at + 8], "little")
    return data[begin:begin + 16]


def config(edit):
    return member("config.json", edit)


def arrays(edit):
    return member("model.weights.h5", edit)


KERAS = {
    "missing tensor": (arrays(lambda data: data.replace(b"conv2d\0", b"conv2x\0")), "no array"),
    "wrong shape": (config(swap(b'"filters": 8,', b'"filters": 9,')),
                    "tensor layers/conv2d/vars/0 is 3x3x3x8, expected 3x3x3x9"),
    "NaN": (arrays(poke(-8, NAN)), "predictions: bias 8 is not a finite number"),
    "truncated": (arrays(cut), "damaged HDF5 file of 157952 bytes, or cut short"),
    "wrong dtype": (arrays(swap(FLOAT, INTEGER)), f"array layers/conv2d/vars/0 {NO_FLOATS}"),
    "cyclic graph": (config(swap(b'["block1_conv1", 0, 0]', b'["block2_pool", 0, 0]')),
                     "layer block1_conv1_bn (BatchNormalization): reads block2_pool, which is not an earlier layer"),
    "unknown op": (config(swap(b'"MaxPooling2D"', b'"LSTM"')), "layer block2_pool (LSTM): unknown class of layer"),
    "duplicate name": (config(swap(b'"name": "block1_conv2", "inb', b'"name": "block1_conv1", "inb')),
                       "two layers are named block1_conv1"),
    "huge count": (config(swap(b'"filters": 8,', b'"filters": 4000000000,')),
                   "layer block1_conv1 (Conv2D): filters is not a number from 1 to 65536"),
}

# Programs of Paddle have their weights in a file beside them, which is edited where "params" is said.
PROGRAM = {
    "missing tensor": (swap(b"conv2d_0.w_0", b"conv2d_0.v_0"),
                       f"node conv2d_0.tmp_0 (Conv): reads conv2d_0.w_0, {CYCLE}"),
    "wrong shape": (swap(b"\x10\x08\x10\x03\x10\x03\x10\x03", b"\x10\x08\x10\x09\x10\x03\x10\x01"),
                    "conv2d_0.w_0 is 8x3x3x3, expected 8x9x3x1 as in the program"),
    "NaN": ("params", poke(24, NAN), "tensor batch_norm_0.b_0 holds NaN at element 0 of 8"),
    "truncated": (cut, "damaged Paddle program: its messages do not fit into its 48357 bytes"),
    "wrong dtype": ("params", poke(21, b"\x01"),
                    "byte 24: batch_norm_0.b_0 is of type 1, expected a float type or int64"),
    "cyclic graph": (swap(b"Input\x12\x0crelu_0.tmp_0", b"Input\x12\x0crelu_9.tmp_0"),
                     f"node conv2d_1.tmp_0 (Conv): reads relu_9.tmp_0, {CYCLE}"),
    "unknown op": (swap(b"\x1a\x04relu", b"\x1a\x04gelu"),
                   "op gelu, which makes relu_0.tmp_0: this op is not known"),
    "duplicate name": (swap(b"\n\x10batch_norm_0.w_1", b"\n\x10batch_norm_0.w_0"), "appears twice"),
    "huge count": ("params", poke(16, b"\xff" * 4), "no tensor at byte 0, expected batch_norm_0.b_0"),
}
PIR = {
    "missing tensor": (swap(b'"fc_weights"],"DA":[],"O":{"%":2,', b'"fc_weights"],"DA":[],"O":{"%":9992,'),
                       f"(MatMul): reads %2, {CYCLE}"),
    "wrong shape": (swap(b"[48,10]", b"[10,48]"), "fc_weights is 48x10, expected 10x48 as in the program"),
    "NaN": ("params", poke(60, NAN),
            "tensor bn_entry_flow_0_branch2a_weights_dw_mean holds NaN at element 9 of 16"),
    "truncated": ("params", cut, "truncated at byte 107272 of 108078: 58 bytes of "
                  "middle_flow_2_branch2b_weights_dw_weights are missing"),
    "wrong dtype": ("params", poke(21, b"\x01"), "byte 24: bn_entry_flow_0_branch2a_weights_dw_mean is of type 1"),
    "cyclic graph": (swap(b'"I":[{"%":359}]', b'"I":[{"%":365}]'), f"reads %365, {CYCLE}"),
    "unknown op": (swap(b'"1.relu"', b'"1.gelu"'), "op gelu, which makes %365: this op is not known"),
    "duplicate name": (swap(b'"fc_offset"', b'"fc_weights"'), "tensor fc_weights appears twice"),
    "huge count": (swap(b"[48,10]", b"[48,99999999999]"), "fc_weights is 48x10, expected 48x99999999999"),
}

FORMATS = {
    "pth zip": (TINY / "timm_micro.pth", TORCH_ZIP),
    "legacy pickle": (TINY / "timm_micro.legacy.pth", TORCH_LEGACY),
    "TorchScript": (TINY / "timm_micro.scripted.pt", TORCH_SCRIPT),
    "safetensors": (TINY / "timm_micro.safetensors", SAFETENSORS),
    "native": ("native", NATIVE),
    "onnx": (TINY / "timm_micro.op13.bn.onnx", ONNX),
    "h5": (TINY / "keras2_model.h5", HDF5),
    "keras": (DATA / "tiny/keras3_model.keras", KERAS),
    "pdparams": (TINY / "ppcls_xception_deeplab.proto2.pdparams", PDPARAMS),
    "pdmodel+pdiparams": (DATA / "paddle2/ppcls_xception_deeplab.pdmodel", PROGRAM),
    "inference.json+pdiparams": (TINY / "ppcls_xception_infer/inference.json", PIR),
}


class Damage(CliTest):
    def setUp(self):
        super().setUp()
        if not TINY.is_dir():
            skip_loudly("no reference folder: damaged model files of most formats")

    def whole(self, name):
        """A folder with the undamaged file and what belongs to it; the file."""
        folder = self.tmp / name.replace(" ", "_")
        folder.mkdir()
        source = FORMATS[name][0]
        if source == "native":
            source = self.tmp / "native.safetensors"
            self.xlens("convert", "-m", TINY / "timm_micro.pth", "-o", source)
        for path in (source, source.with_suffix(".pdiparams")):
            if path.exists():
                shutil.copyfile(path, folder / path.name)
        return folder / source.name

    def open(self, path, **kw):
        return self.xlens("convert", "-m", path, "-o", self.tmp / "out", "--force", **kw)

    def refused(self, path, edit, damaged, says):
        """Names the model, or the file beside it."""
        before = damaged.read_bytes()
        after = edit(before)
        self.assertNotEqual(before, after)
        damaged.write_bytes(after)
        try:
            err = self.fails(3, "convert", "-m", path, "-o", self.tmp / "none", says=says)
        finally:
            damaged.write_bytes(before)
        self.assertTrue(err.startswith((f"xlens: {path}: ", f"xlens: {path.with_suffix('.pdiparams')}: ")), err)

    def test_every_format_and_damage(self):
        for name, (_, cases) in FORMATS.items():
            self.assertEqual(tuple(cases), DAMAGES, name)
            path = self.whole(name)
            self.open(path)
            for damage, case in cases.items():
                with self.subTest(f"{name}, {damage}"):
                    if case:
                        *where, edit, says = case
                        self.refused(path, edit, path.with_suffix(".pdiparams") if where else path, says)
        self.assertFalse((self.tmp / "none").exists())


main()
