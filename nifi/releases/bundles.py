"""Whether a NiFi has what a release's flows are made of; asked before anything changes.

NiFi takes a flow whose bundle is missing without a word: with the only other version, or with a ghost in its place.
"""

import ast
import zipfile
from collections.abc import Iterable

from nifi.errors import MissingBundleError
from nifi.nar import Nar
from nifi.releases.flow import Flow
from nifi.rest import Json, NiFi

_PYTHON = ("org.apache.nifi", "python-extensions")
_LISTS = {
    "processors": ("/flow/processor-types", "processorTypes"),
    "controllerServices": ("/flow/controller-service-types", "controllerServiceTypes"),
}

Needed = tuple[str, str, str, str]
"""Type, and its bundle's group, artifact and version."""


def require_bundles(nifi: NiFi, flows: Iterable[Flow], nar: Nar) -> None:
    """Make sure that every processor and controller service of the flows is there, or comes with the NAR.

    Raises:
        MissingBundleError: one is not; the message says in which versions it is there.
    """
    flows = list(flows)
    for kind, (path, key) in _LISTS.items():
        needed = {_needed(part): (flow.name, part["name"]) for flow in flows for part in flow.parts(kind)}
        if not needed:
            continue
        available = {_needed(entry) for entry in nifi.get(path)[key]} | provided_by(nar)
        for want in sorted(needed.keys() - available):
            flow_name, name = needed[want]
            others = sorted(version for type_, *_, version in available if type_ == want[0])
            there = f"in version {', '.join(others)}" if others else "not at all"
            message = (
                f"{flow_name}: {name} needs {want[0].rpartition('.')[2]} of {want[2]} {want[3]}; "
                f"this NiFi has it {there}."
            )
            raise MissingBundleError(message)


def provided_by(nar: Nar) -> set[Needed]:
    """The Python processors in a NAR: each with the version that its class declares."""
    found: set[Needed] = set()
    with zipfile.ZipFile(nar.file) as archive:
        for name in archive.namelist():
            if "/" not in name and name.endswith(".py"):
                version = _declared_version(archive.read(name))
                if version:
                    found.add((name.removesuffix(".py"), *_PYTHON, version))
    return found


def _declared_version(source: bytes) -> str | None:
    """`version` of the class `ProcessorDetails`; NiFi reads it out of the text as well."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == "ProcessorDetails":
            for line in node.body:
                if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
                    names = [target.id for target in line.targets if isinstance(target, ast.Name)]
                    if names == ["version"]:
                        return str(line.value.value)
    return None


def _needed(part: Json) -> Needed:
    bundle = part["bundle"]
    return part["type"], bundle["group"], bundle["artifact"], bundle["version"]
