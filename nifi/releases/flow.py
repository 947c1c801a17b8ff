"""The flows as they are committed: one process group in one JSON file, the form that NiFi's registry clients keep."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml

Json = dict[str, Any]

BUCKET = "sluice"
"""The bucket that the flows belong to: their folder below `nifi/flows`, and their bucket in a Registry."""

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "sluice.flows")


@dataclass(frozen=True, slots=True)
class Flow:
    """One process group, with what its file says beside it."""

    name: str
    snapshot: Json

    @property
    def contents(self) -> Json:
        """The process group itself."""
        return dict(self.snapshot["flowContents"])

    def parts(self, kind: str) -> list[Json]:
        """The group's `processors`, `connections`, `inputPorts`, `outputPorts` or `labels`."""
        return list(self.contents.get(kind, []))

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form."""
        return hashlib.sha256(canonical(self.snapshot)).hexdigest()


@dataclass(frozen=True, slots=True)
class Link:
    """One connection between two groups, from an output port to an input port."""

    source: str
    output: str
    destination: str
    input: str
    count: int
    size: str


@dataclass(frozen=True, slots=True)
class Assembly:
    """How the flows stand side by side in one parent group."""

    group: str
    about: str
    positions: dict[str, tuple[float, float]]
    links: tuple[Link, ...]


def read_flows(assembly: Assembly | None = None, folder: Traversable | None = None) -> list[Flow]:
    """The committed flows, in the order in which a delivery meets them.

    Args:
        assembly: names them; without it the committed one.
        folder: of the bucket, where each is `<name>.json`; without it this package's own.
    """
    folder = folder or files("nifi") / "flows" / BUCKET
    names = (assembly or read_assembly()).positions
    return [Flow(name, json.loads((folder / f"{name}.json").read_text("utf-8"))) for name in names]


def read_assembly(text: str | None = None) -> Assembly:
    """The committed assembly, or the given text of one."""
    written = yaml.safe_load(assembly_text() if text is None else text)
    positions = {name: (float(x), float(y)) for name, (x, y) in written["flows"].items()}
    return Assembly(written["group"], written["about"], positions, tuple(Link(**link) for link in written["links"]))


def assembly_text() -> str:
    """The committed assembly as it is written."""
    return (files("nifi.releases") / "assembly.yaml").read_text("utf-8")


def canonical(document: Json) -> bytes:
    """One byte form of a JSON document: sorted keys, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def stable_id(flow: str, kind: str, name: str) -> str:
    """The id of a component: a function of its names, so that it survives every edit but a renaming."""
    return str(uuid.uuid5(_NAMESPACE, f"{flow}/{kind}/{name}"))


def release_digest(flows: Sequence[Flow], nar_digest: str, assembly: str | None = None) -> str:
    """SHA-256 over the flows, how they are assembled (as it is written), and the NAR that they need."""
    written = (assembly_text() if assembly is None else assembly).encode()
    lines = [f"{flow.name} {flow.digest}\n" for flow in flows]
    lines += [f"assembly {hashlib.sha256(written).hexdigest()}\n", f"nar {nar_digest}\n"]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
