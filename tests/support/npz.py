"""NumPy's files with Python's own library."""
import ast, struct, zipfile


def read_npy(data):
    """(dtype, shape, bytes) of an npy file in memory."""
    assert data[:6] == b"\x93NUMPY", data[:6]
    wide = data[6] > 1
    n = struct.unpack_from("<I" if wide else "<H", data, 8)[0]
    start = (12 if wide else 10) + n
    header = ast.literal_eval(data[start - n:start].decode("latin1"))
    assert not header["fortran_order"]
    return header["descr"], header["shape"], data[start:]


def read_npz(path):
    with zipfile.ZipFile(path) as npz:
        assert npz.testzip() is None
        return {name[:-4]: read_npy(npz.read(name)) for name in npz.namelist()}


def floats(array):
    """The values of a float32 array, flat."""
    dtype, _, data = array
    assert dtype == "<f4", dtype
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def npy(descr, shape, data):
    """An npy file's bytes."""
    header = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + data
