"""Check the committed flows: each by the rules of `rules`, and all of them against each other and their parameters."""

from collections import Counter

from nifi.errors import FlowLintError
from nifi.releases.flow import Flow, read_assembly, read_flows
from nifi.releases.parameters import FLOW_RELEASE, REFERENCE, read_parameters
from nifi.releases.rules import BOXED, CONFIGURED, RULES, Finding


def lint(flows: list[Flow] | None = None) -> list[Finding]:
    """All findings in the given flows, or in the committed ones."""
    flows = read_flows() if flows is None else flows
    findings = [finding for flow in flows for rule in RULES for finding in rule(flow)]
    return findings + _same_id_twice(flows) + _parameters(flows) + _links(flows)


def require_clean(flows: list[Flow] | None = None) -> None:
    """Let only clean flows pass.

    Raises:
        FlowLintError: there is a finding; the message has the first.
    """
    if findings := lint(flows):
        message = f"{findings[0]} ({len(findings)} in all)."
        raise FlowLintError(message)


def _same_id_twice(flows: list[Flow]) -> list[Finding]:
    kinds = (*BOXED, "controllerServices", "connections", "labels")
    owners = [(part["identifier"], flow.name) for flow in flows for kind in kinds for part in flow.parts(kind)]
    owners += [(flow.contents["identifier"], flow.name) for flow in flows]
    counts = Counter(identifier for identifier, _ in owners)
    return [Finding(name, identifier, "this id is used twice") for identifier, name in owners if counts[identifier] > 1]


def _parameters(flows: list[Flow]) -> list[Finding]:
    """Flows use only declared parameters, of one context, and every declared one is used."""
    context, declared = read_parameters()
    used: set[str] = {FLOW_RELEASE}
    findings = []
    for flow in flows:
        if flow.contents.get("parameterContextName") != context:
            findings.append(Finding(flow.name, "group", f"its parameter context is not {context!r}"))
        for part in (part for kind in CONFIGURED for part in flow.parts(kind)):
            for value in part["properties"].values():
                for name in REFERENCE.findall(value or ""):
                    used.add(name)
                    if name not in declared:
                        findings.append(Finding(flow.name, part["name"], f"the parameter {name!r} is not declared"))
    findings += [Finding("parameters", name, "no flow uses it") for name in sorted(set(declared) - used)]
    return findings


def _links(flows: list[Flow]) -> list[Finding]:
    """The assembly connects ports that are there, and every port is connected."""
    links = read_assembly().links
    ends = {("outputPorts", link.source, link.output) for link in links}
    ends |= {("inputPorts", link.destination, link.input) for link in links}
    ports = {
        (kind, flow.name, port["name"])
        for flow in flows
        for kind in ("inputPorts", "outputPorts")
        for port in flow.parts(kind)
    }
    return [
        Finding(
            flow,
            port,
            "the assembly names a port that is not there" if (kind, flow, port) in ends else "no link uses it",
        )
        for kind, flow, port in sorted(ends ^ ports)
    ]
