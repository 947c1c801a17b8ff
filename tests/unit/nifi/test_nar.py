"""The NAR: what is in it, and that the same inputs give the same bytes."""

import zipfile
from pathlib import Path

import pytest

from nifi import nar
from nifi.errors import NarError

BUNDLED = "NAR-INF/bundled-dependencies/"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def wheels(tmp_path, monkeypatch) -> Path:
    """A folder as the installer leaves it, without running the installer."""
    folder = tmp_path / "wheels"
    for name in (
        "numpy/__init__.py",
        "numpy/tests/test_it.py",
        "numpy-2.dist-info/METADATA",
        "numpy-2.dist-info/RECORD",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    monkeypatch.setattr(nar, "_wheels", lambda report: folder)
    return folder


@pytest.fixture
def source(tmp_path) -> Path:
    folder = tmp_path / "clone"
    files = ("processors/__init__.py", "processors/ListenDICOM.py", "processors/site.py", "processors/deid/walk.py")
    for name in (
        *files,
        "processors/__pycache__/x.pyc",
        "handoff/__init__.py",
        "handoff/app.py",
        "handoff/contract/__init__.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\n")
    return folder


def names(built: nar.Nar) -> list[str]:
    with zipfile.ZipFile(built.file) as archive:
        return archive.namelist()


def test_shells_lie_at_the_root_and_everything_else_is_bundled(wheels, source):
    files = {name for name in names(nar.build(source=source)) if not name.endswith("/")}
    bundled = {name.removeprefix(BUNDLED) for name in files if name.startswith(BUNDLED)}
    assert files - {BUNDLED + name for name in bundled} == {"META-INF/MANIFEST.MF", "ListenDICOM.py"}
    assert bundled == {
        "handoff/__init__.py",
        "handoff/contract/__init__.py",
        "numpy-2.dist-info/METADATA",
        "numpy/__init__.py",
        "processors/__init__.py",
        "processors/deid/walk.py",
        "processors/site.py",
    }


def test_of_the_handoff_the_contract_alone_goes_into_the_trusted_zone(wheels, source):
    files = names(nar.build(source=source))
    assert BUNDLED + "handoff/contract/__init__.py" in files
    assert BUNDLED + "handoff/app.py" not in files


def test_the_manifest_stands_where_java_looks_for_it(wheels, source):
    assert names(nar.build(source=source))[:2] == ["META-INF/", "META-INF/MANIFEST.MF"]


def test_the_same_inputs_give_the_same_bytes_whatever_the_clock_says(wheels, source, tmp_path, monkeypatch):
    first = nar.build(source=source)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another"))
    for file in source.rglob("*.py"):
        file.touch()
    second = nar.build(source=source)
    assert first.file != second.file
    assert first.digest == second.digest
    assert first.file.read_bytes() == second.file.read_bytes()


def test_a_changed_line_gives_another_digest(wheels, source):
    first = nar.build(source=source)
    (source / "processors/site.py").write_text("# changed\n")
    assert nar.build(source=source).digest != first.digest


def test_a_copy_is_named_by_version_and_python(wheels, source, tmp_path):
    built = nar.build(tmp_path / "out", source=source)
    assert built.file.parent == tmp_path / "out"
    assert built.file.name.startswith(f"sluice-nar-{built.version}-cp3")


def test_no_processors_is_an_error_with_a_remedy(wheels, tmp_path):
    with pytest.raises(NarError, match="no processors"):
        nar.build(source=tmp_path / "empty")
