"""A model file that could run code is refused, and what is taken loads where nothing but weights may be loaded."""

import collections
import gzip
import io
import json
import os
import pickle
import zipfile

import pytest
import torch

from handoff.models.weights import judge_weights
from handoff.store.files import Folder
from ml.models.checkpoint import save_model
from ml.models.unet import UNet3D, UNetShape
from ml.preprocessing.spec import Spec


class Bomb:
    def __reduce__(self):
        return os.system, ("true",)


def saved(value, **options) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def safetensors(header: dict, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(begin: int, end: int, shape: list, dtype: str = "U8") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return stream.getvalue()


def judged(folder, content: bytes) -> str:
    (folder / "m").write_bytes(content)
    return judge_weights(Folder(folder), "m")


STATE = UNet3D(UNetShape((8, 8))).state_dict()
GOOD = {
    "a state dict": saved(STATE),
    "values beside weights": saved({"weights": STATE, "spec": "5" * 64, "threshold": 0.5, "channels": [8, 8]}),
    "an ordered dict of half floats": saved(collections.OrderedDict(w=torch.ones(3, dtype=torch.bfloat16))),
    "a parameter": saved({"w": torch.nn.Parameter(torch.ones(2))}),
    "views of one storage": saved([torch.arange(8)[2:4], torch.arange(8).reshape(2, 4).T]),
    "a complex tensor and a size": saved({"c": torch.ones(2, dtype=torch.complex64), "s": torch.Size([1, 2])}),
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_what_torch_saved_of_weights_is_taken_and_loads_as_weights_alone(tmp_path, content):
    assert judged(tmp_path, content) == "ok"
    torch.load(io.BytesIO(content), weights_only=True)


def test_our_own_model_is_taken(tmp_path):
    save_model(tmp_path / "m", UNet3D(UNetShape((8, 8))), Spec(name="native"), 0.5)
    assert judge_weights(Folder(tmp_path), "m") == "ok"


def test_safetensors_are_taken(tmp_path):
    header = {"__metadata__": {"format": "pt"}, "b": entry(4, 12, [2], "F32"), "a": entry(0, 4, [2, 2])}
    assert judged(tmp_path, safetensors(header, bytes(12))) == "ok"


PICKLES = {
    "a pickle": pickle.dumps({"weights": [1.0]}),
    "a pickle that runs a command": pickle.dumps(Bomb()),
    "a whole module": saved(torch.nn.Linear(2, 2)),
    "a command within an archive": saved({"w": Bomb()}),
    "what torch saved before it used archives": saved(STATE, _use_new_zipfile_serialization=False),
    "a newer pickle within an archive": saved(STATE, pickle_protocol=4),
    "a scripted module": archive({"m/data.pkl": pickle.dumps([], 2), "m/code/a.py": b"", "m/version": b"3"}),
    "a second pickle": archive({"m/data.pkl": pickle.dumps([], 2), "m/constants.pkl": pickle.dumps(Bomb(), 2)}),
    "a pickle in capitals": archive({"m/data.pkl": pickle.dumps([], 2), "m/CONSTANTS.PKL": pickle.dumps(Bomb(), 2)}),
    "a pickle that unpacks without end": archive({"m/data.pkl": b"N0" * (9 << 20)}, zipfile.ZIP_DEFLATED),
    "a name that only looks allowed": archive({"m/data.pkl": b"\x80\x02ctorch._utils\n_import_dotted_name\n."}),
    "a name of another module": archive({"m/data.pkl": b"\x80\x02cposix\nsystem\n(X\x04\x00\x00\x00true\x85R."}),
}


@pytest.mark.parametrize("content", PICKLES.values(), ids=PICKLES)
def test_a_pickle_is_refused_as_one(tmp_path, content):
    assert judged(tmp_path, content) == "model-is-pickle"


OTHERS = {
    "nothing": b"",
    "anything": b"weights",
    "a pickle that was packed": gzip.compress(pickle.dumps(Bomb())),
    "a pickle of the oldest protocol": pickle.dumps(Bomb(), 0),
    "a pickle before an archive": pickle.dumps(Bomb(), 0) + GOOD["a state dict"],
    "an archive of something else": archive({"readme.txt": b""}),
    "an archive that torch cannot unpack": archive({"m/data.pkl": b"x" * 99}, zipfile.ZIP_LZMA),
    "a stream that nothing can unpack": archive({"m/data.pkl": b"x" * 99}, zipfile.ZIP_BZIP2).replace(b"BZh", b"BZx"),
    "the same name twice": archive({"m/data.pkl": pickle.dumps([], 2), "m/DATA.PKL": pickle.dumps(Bomb(), 2)}),
    "half an archive": GOOD["a state dict"][: len(GOOD["a state dict"]) // 2],
    "safetensors with a gap": safetensors({"a": entry(0, 2, [2]), "b": entry(3, 4, [1])}, bytes(4)),
    "safetensors that overlap": safetensors({"a": entry(0, 3, [3]), "b": entry(2, 4, [2])}, bytes(4)),
    "safetensors with something after": safetensors({"a": entry(0, 4, [4])}, bytes(4) + pickle.dumps(Bomb())),
    "safetensors of another shape": safetensors({"a": entry(0, 4, [2, 4])}, bytes(4)),
    "safetensors of an unknown type": safetensors({"a": entry(0, 4, [4], "OBJECT")}, bytes(4)),
    "a header longer than the file": (1 << 40).to_bytes(8, "little") + b"{}",
    "a header that is no object": safetensors([], b""),
    "a header as deep as a well": (200_000).to_bytes(8, "little") + b"[" * 200_000,
    "a truth as a number": safetensors({"a": entry(0, True, [1])}, bytes(1)),
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_what_is_neither_is_refused(tmp_path, content):
    assert judged(tmp_path, content) == "model-not-weights"
