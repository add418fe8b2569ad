"""Keeps an engine below an instruction set: by its own switch, or by hiding from it what the CPU has.
For that the engine's package is copied, once, with ud1 in place of each cpuid instruction of its libraries,
and the worker imports the copy; cpuid_mask.c answers the traps. The installed package stays as it is."""
import importlib.metadata, mmap, os, pathlib, shutil, struct, subprocess, tempfile
from turns import Gone

SWITCHES = {"openvino": ["ONEDNN_MAX_CPU_ISA"], "onednn": ["ONEDNN_MAX_CPU_ISA"],
            "torch": ["ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY"]}
VALUES = {"ONEDNN_MAX_CPU_ISA": {"avx2": "AVX2", "avx512": "AVX512_CORE"},
          "ATEN_CPU_CAPABILITY": {"avx2": "avx2", "avx512": "avx512"}}
MASKED = ["onnxruntime", "mnn", "ncnn"]  # named like their packages
LIMITED = ["xlens", *SWITCHES, *MASKED]
CPUID, UD1 = b"\x0f\xa2", b"\x0f\xb9"


def environment(engine, isa, cache, mask):
    """What to set for a worker; mask is the library of cpuid_mask.c."""
    if engine not in MASKED:
        return {name: VALUES[name][isa] for name in SWITCHES.get(engine, [])}
    try:
        folder = copy(engine, cache)
    except (OSError, ValueError, importlib.metadata.PackageNotFoundError) as why:
        raise Gone(f"cannot be kept below {isa}: {why}")
    if not mask.exists():
        raise Gone(f"cannot be kept below {isa}: no {mask}")
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, "LD_PRELOAD": str(mask.resolve()), "CPUID_MASK": isa}


def copy(engine, cache):
    """The folder with the package whose libraries ask the mask."""
    package = importlib.metadata.distribution(engine)
    out = cache / "masked" / f"{engine}-{package.version}"
    if out.exists():
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as new:  # half a copy must not stay
        found = 0
        for file in package.files or []:
            if ".." in file.parts or "__pycache__" in file.parts:
                continue
            target = pathlib.Path(new, "package", file)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target)
            if ".so" in target.suffixes:
                found += patch(target)
        if not found:
            raise ValueError("none of its libraries asks cpuid")
        os.rename(pathlib.Path(new, "package"), out)
    return out


def patch(library):
    """Writes ud1 over each cpuid; how many there were."""
    with library.open("r+b") as f, mmap.mmap(f.fileno(), 0) as m:
        places = [offset(m, address) for address in instructions(library)] if m.find(CPUID) >= 0 else []
        for at in places:
            if m[at:at + 2] != CPUID:
                raise ValueError(f"{library.name} has no cpuid at {at:#x}")
            m[at:at + 2] = UD1
    return len(places)


def instructions(library):
    """Addresses of cpuid; a search for its bytes would meet parts of other instructions and data."""
    with subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", library], stdout=subprocess.PIPE) as p:
        lines = [line for line in p.stdout if line.rstrip().endswith(b"cpuid")]
    if p.returncode:
        raise ValueError(f"objdump cannot read {library.name}")
    return [int(line.split(b":")[0], 16) for line in lines]


def offset(elf, address):
    """Where the file (ELF, 64 bits) has what is loaded at an address."""
    start, size, count = *struct.unpack_from("<Q", elf, 32), *struct.unpack_from("<HH", elf, 54)
    for i in range(count):
        kind, _, where, begin, _, length = struct.unpack_from("<IIQQQQ", elf, start + i * size)
        if kind == 1 and begin <= address < begin + length:  # PT_LOAD
            return address - begin + where
    raise ValueError(f"nothing is loaded at {address:#x}")
