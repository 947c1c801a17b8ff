"""Bring a group as NiFi tells it into the form of the committed files, so that a diff shows only what was changed.

Ids are those that names give; components stand where the committed file has them, new ones after; nothing of one NiFi
remains: no instance ids, no values of parameters, no defaults written out. A group that nobody changed gives the very
bytes of its file.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from nifi.errors import SaveError
from nifi.releases.compare import KINDS
from nifi.releases.flow import Flow, Json, stable_id
from nifi.releases.marks import Marks
from nifi.releases.parameters import REFERENCE, Parameter
from nifi.releases.processor_types import find_type
from nifi.releases.rules import CONFIGURED, line_name

_ID_KINDS = {"processors": "processor", "inputPorts": "input-port", "outputPorts": "output-port", "labels": "label"}
_ID_KINDS |= {"controllerServices": "controller-service"}
_NAMED = ("processors", "inputPorts", "outputPorts", "controllerServices")
_DESCRIPTOR = ("name", "displayName", "identifiesControllerService", "sensitive", "dynamic")
_ABOUT_CONTEXT = "What differs between two sites; see nifi/parameters/sluice.yaml."
_END = ("id", "type", "groupId", "name")
_RUN_TIME = frozenset({"instanceIdentifier", "versionedFlowCoordinates"})


def normalise(name: str, live: Json, committed: Flow | None, parameters: tuple[str, dict[str, Parameter]]) -> Flow:
    """The flow that a group is now.

    Args:
        name: of the flow.
        live: the group as NiFi downloads it.
        committed: the flow as its file has it; None for a new one.
        parameters: name of the context, and what is declared in it.

    Raises:
        SaveError: two components have the same name, or a parameter is not declared.
    """
    old = committed.contents if committed else {}
    contents = _plain(live["flowContents"])
    ids = _new_ids(name, contents, old)
    parts = {kind: _parts(kind, contents.get(kind) or [], old.get(kind) or [], ids) for kind in KINDS}
    written: Json = {
        **{key: value for key, value in contents.items() if key not in KINDS},
        "identifier": old.get("identifier") or stable_id(name, "group", name),
        "name": name,
        "comments": old.get("comments") or Marks.strip(contents.get("comments") or ""),
        "position": old.get("position") or {"x": 0.0, "y": 0.0},
        **parts,
    }
    for kind in KINDS:
        for part in parts[kind]:
            part["groupIdentifier"] = written["identifier"]
            for end in ("source", "destination"):
                if end in part and part[end].get("groupId"):
                    part[end]["groupId"] = written["identifier"]
    configured = [part for kind in CONFIGURED for part in parts[kind]]
    snapshot: Json = {
        "flowEncodingVersion": live.get("flowEncodingVersion", "1.0"),
        "flowContents": _in_order(written, old),
        "parameterContexts": _contexts(name, configured, committed, *parameters),
        "externalControllerServices": live.get("externalControllerServices") or {},
        "parameterProviders": {},
    }
    return Flow(name, _in_order(snapshot, committed.snapshot if committed else {}))


def _plain(value: Any) -> Any:  # any JSON
    """Without what belongs to one NiFi, and without what is not set."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key not in _RUN_TIME and item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _new_ids(flow: str, contents: Json, old: Json) -> dict[str, str]:
    """The stable id of each component, by the one that it has on the canvas.

    A label keeps its id, as it has no name; a connection is called by its ends.
    """
    known = {part["identifier"] for kind in KINDS for part in old.get(kind) or []}
    ids: dict[str, str] = {}
    for kind, word in _ID_KINDS.items():
        for part in contents.get(kind) or []:
            if kind in _NAMED:
                ids[part["identifier"]] = stable_id(flow, word, part["name"])
            elif part["identifier"] not in known:
                ids[part["identifier"]] = stable_id(flow, word, part.get("label") or "")
    for line in contents.get("connections") or []:
        line["selectedRelationships"] = sorted(line["selectedRelationships"])
        ids[line["identifier"]] = stable_id(flow, "connection", line_name(line))
    _refuse_twins(contents, ids)
    return ids


def _refuse_twins(contents: Json, ids: Mapping[str, str]) -> None:
    seen: dict[str, str] = {}
    for kind in KINDS:
        for part in contents.get(kind) or []:
            new = ids.get(part["identifier"])
            title = line_name(part) if kind == "connections" else str(part.get("name") or part.get("label") or "")
            if new is not None and new in seen:
                message = f"Two parts of the group are called {title[:80]!r}; give each a name of its own."
                raise SaveError(message)
            if new is not None:
                seen[new] = title


def _parts(kind: str, found: list[Json], old: list[Json], ids: Mapping[str, str]) -> list[Json]:
    places = {part["identifier"]: index for index, part in enumerate(old)}
    templates = {part["identifier"]: part for part in old}
    parts = [_part(part, templates, ids) for part in found]
    return sorted(parts, key=lambda part: _order(kind, part, places))


def _part(part: Json, templates: Mapping[str, Json], ids: Mapping[str, str]) -> Json:
    identifier = ids.get(part["identifier"], part["identifier"])
    template = templates.get(identifier, {})
    part = {**part, "identifier": identifier}
    for end in ("source", "destination"):
        if end in part:
            told = {key: part[end][key] for key in _END if key in part[end]}
            part[end] = {**told, "id": ids.get(told["id"], told["id"])}
    if "properties" in part:
        part["properties"], part["propertyDescriptors"] = _properties(part, template, ids)
    for key, value in part.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value) and key != "prioritizers":
            part[key] = sorted(value)
    return _in_order(part, template or next(iter(templates.values()), {}))


def _properties(part: Json, template: Json, ids: Mapping[str, str]) -> tuple[Json, Json]:
    """The properties that are set on purpose: those of the file, and others that are not their type's default."""
    type_ = find_type(part.get("type", ""))
    defaults = {key: value.default for key, value in type_.properties.items()} if type_ else {}
    old = template.get("properties") or {}
    kept = {key: value for key, value in part["properties"].items() if key in old or value != defaults.get(key)}
    kept = {key: ids.get(str(value), value) for key, value in _in_order(kept, old).items()}
    told, written = part.get("propertyDescriptors") or {}, template.get("propertyDescriptors") or {}
    descriptors = {key: {field: told[key].get(field) for field in _DESCRIPTOR} for key in kept if key in told}
    return kept, {key: written.get(key, value) for key, value in descriptors.items()}


def _order(kind: str, part: Json, places: Mapping[str, int]) -> tuple[object, ...]:
    """As in the file; what is new comes after, from left to right."""
    position = part.get("position") or {"x": 0.0, "y": 0.0}
    name = line_name(part) if kind == "connections" else str(part.get("name") or "")
    return places.get(part["identifier"], len(places)), position["x"], position["y"], name


def _in_order(document: Json, template: Mapping[str, object]) -> Json:
    """The same document with its keys in the template's order, others after."""
    keys: Iterable[str] = [key for key in template if key in document]
    return {key: document[key] for key in [*keys, *(key for key in document if key not in template)]}


def _contexts(
    flow: str, configured: list[Json], committed: Flow | None, context: str, declared: dict[str, Parameter]
) -> Json:
    """What the flow uses of the context, without values; the file's own list where it has all of that."""
    used = {
        name for part in configured for value in part["properties"].values() for name in REFERENCE.findall(str(value))
    }
    if unknown := sorted(used - declared.keys()):
        message = f"{flow}: the parameter {unknown[0]} is not declared in nifi/parameters/sluice.yaml."
        raise SaveError(message)
    written = (committed.snapshot if committed else {}).get("parameterContexts") or {}
    if context in written and used <= {parameter["name"] for parameter in written[context]["parameters"]}:
        return dict(written)
    return {
        context: {
            "name": context,
            "componentType": "PARAMETER_CONTEXT",
            "description": _ABOUT_CONTEXT,
            "inheritedParameterContexts": [],
            "synchronized": False,
            "parameters": [
                {
                    "name": name,
                    "description": declared[name].description,
                    "sensitive": declared[name].sensitive,
                    "provided": False,
                }
                for name in sorted(used)
            ],
        }
    }
