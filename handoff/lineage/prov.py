"""A trace as W3C PROV-JSON, for audits: handoffs are activities, everything else is an entity.

| edge of the trace | PROV |
|---|---|
| to a handoff, from a batch or a model | used |
| from a handoff, to a model or a file | wasGeneratedBy |
| from a handoff to a handoff: of volumes | wasInformedBy |
| between entities, as from a shipment to a batch | wasDerivedFrom |
| a handoff's target and pipeline version | wasAssociatedWith an agent, with the pipeline as its plan |

It holds no time: `startTime` and `endTime` of PROV are left out, because the day of a run beside its shifted dates
tells by how much they were shifted.
"""

import json
from typing import Any
from urllib.parse import quote

from handoff.schemas.trace import Trace, TraceNode

PREFIX = "sluice"
NAMESPACE = "urn:sluice:"
_ACTIVITY = "handoff"
_LEFT_OUT = frozenset({"target", "pipeline", "pipeline_version"})
"""Facts of a handoff that become things of their own."""

Json = dict[str, Any]


def prov_json(trace: Trace) -> Json:
    """The document; the same for the same trace."""
    names = {f"{node.kind}:{node.id}": _name(node.kind, node.id) for node in trace.nodes}
    document: dict[str, Json] = {"prefix": {PREFIX: NAMESPACE}, "entity": {}, "activity": {}, "agent": {}}
    for node in trace.nodes:
        section = "activity" if node.kind == _ACTIVITY else "entity"
        document[section][_name(node.kind, node.id)] = _attributes(node)
        if node.kind == _ACTIVITY:
            _associate(document, node)
    for number, edge in enumerate(trace.edges):
        relation, content = _relation(edge.source, edge.target, names)
        document.setdefault(relation, {})[f"_:e{number}"] = content
    return {section: content for section, content in document.items() if content}


def _relation(source: str, target: str, names: dict[str, str]) -> tuple[str, Json]:
    ran, runs = source.startswith(f"{_ACTIVITY}:"), target.startswith(f"{_ACTIVITY}:")
    before, after = names[source], names[target]
    if ran and runs:
        return "wasInformedBy", {"prov:informed": after, "prov:informant": before}
    if runs:
        return "used", {"prov:activity": after, "prov:entity": before}
    if ran:
        return "wasGeneratedBy", {"prov:entity": after, "prov:activity": before}
    return "wasDerivedFrom", {"prov:generatedEntity": after, "prov:usedEntity": before}


def _associate(document: dict[str, Json], node: TraceNode) -> None:
    agent, plan = _name("target", node.facts["target"]), _name("pipeline", node.facts["pipeline_version"])
    document["agent"][agent] = {"prov:type": _type("prov:SoftwareAgent"), "prov:label": node.facts["target"]}
    document["entity"][plan] = {"prov:type": _type("prov:Plan"), "prov:label": node.facts["pipeline"]}
    associated = document.setdefault("wasAssociatedWith", {})
    content = {"prov:activity": _name(node.kind, node.id), "prov:agent": agent, "prov:plan": plan}
    associated[f"_:a{len(associated)}"] = content


def _attributes(node: TraceNode) -> Json:
    """Facts as attributes; what is no single value is JSON in a string."""
    facts = {name: value for name, value in node.facts.items() if value is not None and name not in _LEFT_OUT}
    told = {f"{PREFIX}:{name}": _value(value) for name, value in facts.items()}
    return {"prov:type": _type(f"{PREFIX}:{node.kind}"), "prov:label": node.id, **told}


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return {"$": "true" if value else "false", "type": "xsd:boolean"}
    if isinstance(value, int):
        return {"$": str(value), "type": "xsd:long"}
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _type(name: str) -> Json:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}


def _name(kind: str, identifier: str) -> str:
    """A qualified name: one colon, after the prefix."""
    return f"{PREFIX}:{kind}/{quote(identifier, safe='/')}"
