"""Whether a model file can be loaded without running code of its own: nothing here loads it, and torch is not needed.

Two kinds can:

1. safetensors: a header of JSON that says where in the rest of the file each tensor lies, all of it and nothing twice.
2. An archive of `torch.save` that `torch.load(weights_only=True)` takes: its one pickle uses the operations and names
   that this loader knows, and none beside. It must begin as an archive: what does not, torch loads as a bare pickle.

Everything else is refused, a bare pickle under its own name, and a scripted module too, for it is code.
"""

import contextlib
import json
import math
import pickletools
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import IO, Any, Literal

from handoff.store.files import Files

Verdict = Literal["ok", "model-is-pickle", "model-not-weights"]

_ARCHIVE = b"PK\x03\x04"
_PICKLE = b"\x80"
_COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""All that torch's reader knows; others' broken streams have errors of their own."""
_LARGEST_PICKLE = 16 << 20
_LARGEST_HEADER = 100 << 20
_IN_MEMORY = 8 << 20
_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16}
_BITS |= {"BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64}
_OPERATIONS = (
    "PROTO STOP GLOBAL NEWOBJ REDUCE BUILD APPEND APPENDS SETITEM SETITEMS MARK TUPLE TUPLE1 TUPLE2 TUPLE3 NONE "
    "NEWFALSE NEWTRUE EMPTY_TUPLE EMPTY_LIST EMPTY_DICT EMPTY_SET BINPERSID BININT BININT1 BININT2 BINFLOAT BINGET "
    "LONG_BINGET BINPUT LONG_BINPUT BINUNICODE SHORT_BINSTRING LONG1"
)
_STORAGES = "Double Float Half Long Int Short Char Byte Bool BFloat16 ComplexDouble ComplexFloat QUInt8 QInt8 QInt32"
_TYPES = (
    "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint64 uint32 uint16 uint8 bool complex128 complex64 "
    "float8_e5m2 float8_e4m3fn float8_e5m2fnuz float8_e4m3fnuz float8_e8m0fnu quint8 qint8 qint32 Size device "
    "per_tensor_affine per_tensor_symmetric per_channel_affine per_channel_symmetric"
)
_REBUILD = "tensor tensor_v2 tensor_v3 parameter parameter_with_state qtensor sparse_tensor"
_KNOWN = frozenset(_OPERATIONS.split())
_NAMES = frozenset(
    {
        "collections OrderedDict",
        "collections Counter",
        "_codecs encode",
        "__builtin__ set",
        "__builtin__ complex",
        "__builtin__ bytearray",
        "torch.nn.parameter Parameter",
        "torch.storage UntypedStorage",
        "torch.storage TypedStorage",
        *(f"torch {name}Storage" for name in _STORAGES.split()),
        *(f"torch {name}" for name in _TYPES.split()),
        *(f"torch._utils _rebuild_{name}" for name in _REBUILD.split()),
    }
)


def judge_weights(files: Files, path: str) -> Verdict:
    """Look at a model file.

    Raises:
        OSError: it cannot be read.
    """
    with _opened(files, path) as stream:
        begin = stream.read(len(_ARCHIVE))
        stream.seek(0)
        if begin == _ARCHIVE:
            return _judge_archive(stream)
        if _is_safetensors(stream):
            return "ok"
        return "model-is-pickle" if begin.startswith(_PICKLE) else "model-not-weights"


@contextlib.contextmanager
def _opened(files: Files, path: str) -> Iterator[IO[bytes]]:
    """The file as something that can be gone through in any order."""
    file = files.local(path)
    if file is not None:
        with file.open("rb") as stream:
            yield stream
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        for block in files.read(path):
            copy.write(block)
        copy.seek(0)
        yield copy


def _is_safetensors(stream: IO[bytes]) -> bool:
    size = stream.seek(0, 2)
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if not 2 <= length <= min(_LARGEST_HEADER, size - 8):
        return False
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError):
        return False
    if not isinstance(header, dict):
        return False
    header.pop("__metadata__", None)
    spans = [_span(entry) for entry in header.values()]
    if None in spans:
        return False
    ends = [(0, 0), *sorted(span for span in spans if span is not None)]
    whole = ends[-1][1] == size - 8 - length
    return bool(header) and whole and all(before[1] == after[0] for before, after in pairwise(ends))


def _span(entry: Any) -> tuple[int, int] | None:
    """Where a tensor lies; None when its entry is none, or its shape needs another number of bytes."""
    try:
        begin, end = entry["data_offsets"]
        shape, bits = entry["shape"], _BITS[entry["dtype"]]
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(shape, list) or not all(type(number) is int for number in (begin, end, *shape)):
        return None
    fits = 0 <= begin <= end and all(number >= 0 for number in shape) and (end - begin) * 8 == math.prod(shape) * bits
    return (begin, end) if fits else None


def _judge_archive(stream: IO[bytes]) -> Verdict:
    """Kind 2. Names are compared without case, as torch's reader of archives finds them."""
    try:
        with zipfile.ZipFile(stream) as archive:
            names = [info.filename.lower() for info in archive.infolist()]
            root = names[0].partition("/")[0]
            inside = [name.removeprefix(f"{root}/") for name in names]
            if len(set(names)) != len(names) or inside.count("data.pkl") != 1:
                return "model-not-weights"
            if any(name.endswith(".pkl") and name != "data.pkl" for name in inside):
                return "model-is-pickle"
            if any(name.startswith("code/") for name in inside):
                return "model-is-pickle"
            pickled = archive.infolist()[inside.index("data.pkl")]
            if pickled.compress_type not in _COMPRESSIONS:
                return "model-not-weights"
            with archive.open(pickled) as member:
                content = member.read(_LARGEST_PICKLE + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, IndexError, ValueError):
        return "model-not-weights"
    return "ok" if len(content) <= _LARGEST_PICKLE and _only_weights(content) else "model-is-pickle"


def _only_weights(content: bytes) -> bool:
    try:
        for operation, argument, _ in pickletools.genops(content):
            if operation.name not in _KNOWN:
                return False
            if operation.name == "PROTO" and argument != 2:
                return False
            if operation.name == "GLOBAL" and argument not in _NAMES:
                return False
    except (ValueError, EOFError, UnicodeDecodeError):
        return False
    return True
