"""The same input and key give the same bytes: in another process, in another order, with more workers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from processors.deid.engine import Engine, Treated
from processors.deid.keys import KeyFile
from processors.deid.profile import Profile
from tests.builders import ct_slice

SLICES = 80
"""More than `sluice deid apply` gives to one worker at a time."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients, several studies each, and a key."""
    folder = tmp_path_factory.mktemp("source")
    KeyFile.create(folder / "site.key")
    (folder / "in").mkdir()
    studies = [(f"P{number % 3}", generate_uid(), generate_uid()) for number in range(6)]
    for number in range(SLICES):
        patient, study, series = studies[number % len(studies)]
        dataset = ct_slice(patient=patient, study=study, series=series, rows=8)
        dataset.save_as(folder / "in" / f"{number:03d}.dcm", enforce_file_format=True)
    return folder


def test_the_bytes_depend_on_nothing_but_input_and_key(source: Path, tmp_path: Path) -> None:
    """Once here, one after another; once by three processes of other hash seeds, which get the files the other way."""
    files = sorted((source / "in").iterdir())
    engine = Engine(Profile.load(), KeyFile.load(source / "site.key").project("lung"))
    here = {}
    for file in files:
        treated = engine.treat(file.read_bytes())
        assert isinstance(treated, Treated)
        here[file.name] = b"".join(bytes(chunk) for chunk in treated.chunks)
    assert len(set(here.values())) == SLICES
    (tmp_path / "turned").mkdir()
    for before, after in zip(files, reversed(files), strict=True):
        (tmp_path / "turned" / after.name).symlink_to(before)
    command = [sys.executable, "-m", "sluice", "deid", "apply", str(tmp_path / "turned"), str(tmp_path / "out")]
    given = ["--key-file", str(source / "site.key"), "--project", "lung", "--workers", "3"]
    subprocess.run([*command, *given], check=True, env={**os.environ, "PYTHONHASHSEED": "7"}, capture_output=True)
    for before, after in zip(files, reversed(files), strict=True):
        assert (tmp_path / "out" / after.name).read_bytes() == here[before.name]
