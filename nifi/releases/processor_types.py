"""The types that flows may use, of processors and of services: relationships and properties, captured from NiFi 2.3.0.

`processor_types.json` and `service_types.json` are GENERATED from what a NiFi says of each type; a test compares them
with a running one. NiFi
takes an unknown property of some types for a header or a route, so a misspelt name would be obeyed in silence.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Property:
    """One property that a type declares."""

    default: str | None
    sensitive: bool


@dataclass(frozen=True, slots=True)
class ProcessorType:
    """One type of a processor or, without relationships, of a controller service.

    `dynamic` says what an undeclared property becomes; None where there may be none.
    """

    name: str
    type: str
    bundle: dict[str, str]
    relationships: frozenset[str]
    dynamic: Literal["property", "relationship"] | None
    properties: dict[str, Property]

    def relationships_with(self, properties: dict[str, Any]) -> frozenset[str]:
        """The relationships of a processor with these properties: a router has one more for each route."""
        if self.dynamic != "relationship":
            return self.relationships
        return self.relationships | (set(properties) - set(self.properties))


@cache
def read_types() -> dict[str, ProcessorType]:
    """The allowed types of processors by their full name, as flows spell it."""
    return _read("processor_types.json")


@cache
def read_service_types() -> dict[str, ProcessorType]:
    """The allowed types of controller services by their full name."""
    return _read("service_types.json")


def find_type(name: str) -> ProcessorType | None:
    """The allowed type of that full name, be it of a processor or of a service."""
    return read_types().get(name) or read_service_types().get(name)


def _read(file: str) -> dict[str, ProcessorType]:
    written = json.loads((files("nifi.releases") / file).read_text("utf-8"))
    return {entry["type"]: _type(name, entry) for name, entry in written.items()}


def _type(name: str, entry: dict[str, Any]) -> ProcessorType:
    properties = {key: Property(value["default"], value["sensitive"]) for key, value in entry["properties"].items()}
    relationships = frozenset(entry["relationships"])
    return ProcessorType(name, entry["type"], entry["bundle"], relationships, entry["dynamic"], properties)
