"""The parameters of a site: declared in `nifi/parameters/sluice.yaml`, given their values by each deployment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import yaml

from nifi.errors import DeployError
from nifi.releases.pin import SOURCES, sources

REFERENCE = re.compile(r"#\{([^}]+)\}")
"""How a property's value names a parameter."""

FLOW_RELEASE = "flow.release"
"""Set by the deployment itself."""

_TOKEN = "handoff.token"  # noqa: S105  # the parameter's name


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter."""

    name: str
    description: str
    sensitive: bool
    default: str | None


def parameters_text() -> str:
    """The committed declaration as it is written."""
    return (files("nifi") / "parameters" / "sluice.yaml").read_text("utf-8")


def read_parameters(text: str | None = None) -> tuple[str, dict[str, Parameter]]:
    """The context's name and its declared parameters: as committed, or as in the given text."""
    written = yaml.safe_load(parameters_text() if text is None else text)
    declared = {
        name: Parameter(name, entry["description"], bool(entry.get("sensitive")), entry.get("default"))
        for name, entry in written["parameters"].items()
    }
    return str(written["context"]), declared


def complete(given: Mapping[str, str], release: str, text: str | None = None) -> dict[str, str]:
    """Every declared parameter with its value: given, or by default.

    Args:
        given: values by name.
        release: digest of the release, which is a parameter too.
        text: the declaration, where it is not the committed one.

    Raises:
        DeployError: one has no value, or one is given that no flow knows.
    """
    _, declared = read_parameters(text)
    # A release of before TLS knows no sources.
    own = {name for name in (FLOW_RELEASE, *SOURCES) if name in declared}
    if unknown := sorted(set(given) - set(declared)):
        message = f"There is no parameter {unknown[0]}."
        raise DeployError(message)
    values = {name: parameter.default for name, parameter in declared.items() if parameter.default is not None}
    values |= {**given, FLOW_RELEASE: release}
    values |= {name: value for name, value in sources(values).items() if name in own}
    if missing := sorted(set(declared) - set(values)):
        message = f"The parameter {missing[0]} has no value."
        raise DeployError(message)
    # A sensitive property may hold nothing beside its parameter, so the parameter is the whole header.
    if " " not in values[_TOKEN]:
        values[_TOKEN] = f"Bearer {values[_TOKEN]}"
    return values
