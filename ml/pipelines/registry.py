"""Name, YAML and code digest of each pipeline: what a pipeline version is made of.

Imports neither torch nor kfp, so that anyone may ask.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ML = Path(__file__).parent.parent
NAMES = ("prepare", "train", "retrain", "evaluate", "infer")
CODE = frozenset({".py", ".yaml"})


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One registered pipeline.

    Attributes:
        yaml: The committed, compiled graph.
        code_digest: SHA-256 over the sources that its steps import, hex.
    """

    name: str
    yaml: Path
    code_digest: str


def registry() -> dict[str, Pipeline]:
    """Every pipeline by its name."""
    digest = code_digest()
    return {name: Pipeline(name, ML / "pipelines" / f"{name}.yaml", digest) for name in NAMES}


def code_digest(root: Path = ML) -> str:
    """SHA-256 over the relative paths and contents of all sources and specs of `ml`, hex.

    All of `ml` counts for each pipeline: too many new versions cost a run, one too few costs its meaning.
    """
    digest = hashlib.sha256(b"sluice.code/1\n")
    for path in _sources(root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _sources(root: Path) -> Iterator[Path]:
    """Sources and specs, sorted; compiled graphs have their own digest."""
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
        if path.suffix in CODE and path.is_file() and path.parent != root / "pipelines":
            yield path
    yield from sorted((root / "pipelines").glob("*.py"))
