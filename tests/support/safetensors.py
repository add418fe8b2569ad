"""safetensors files with Python's own library: a dict of the header and one of bytes."""
import json, struct


def read(path):
    data = path.read_bytes()
    n = struct.unpack_from("<Q", data)[0]
    header, body = json.loads(data[8:8 + n]), data[8 + n:]
    return header, {name: body[slice(*entry["data_offsets"])] for name, entry in header.items()
                    if name != "__metadata__"}


def write(path, header, tensors):
    """Tensors lie in the order of the dict; offsets in the header are made anew."""
    at, header = 0, dict(header)
    for name, data in tensors.items():
        header[name] = {**header[name], "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensors.values()))
