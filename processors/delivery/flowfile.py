"""What a FlowFile may say: a closed list of attributes, none of which can name a path or a patient."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from processors.delivery.errors import BadReferenceError

Kind = Literal["delivery", "shipment", "evidence", "labels", "result"]
_ID = re.compile(r"[0-9a-f]{32}")


class FlowFile(Protocol):
    """The part of NiFi's FlowFile that the doors use."""

    def getAttribute(self, name: str, /) -> str | None:  # noqa: N802  # NiFi's name
        """The value of one attribute."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Which delivery (or evidence, labels, result) a FlowFile is about, and by which announcement."""

    id: str
    n: int
    kind: Kind
    shipment_id: str = ""

    @classmethod
    def of(cls, flowfile: FlowFile) -> "Reference":
        """Read the reference.

        Raises:
            BadReferenceError: an attribute is missing, or is nothing that ListenDICOM or RouteDICOM wrote.
        """
        attributes = {name: flowfile.getAttribute(name) or "" for name in _REFERENCE}
        return cls.read(attributes)

    @classmethod
    def read(cls, attributes: Mapping[str, str]) -> "Reference":
        """Read the reference from attributes, as `of` does."""
        id_, n, kind = attributes.get("delivery.id", ""), attributes.get("delivery.n", ""), attributes.get("kind", "")
        shipment = attributes.get("shipment.id", "")
        if not _ID.fullmatch(id_) or not n.isdecimal() or (shipment and not _ID.fullmatch(shipment)):
            raise BadReferenceError
        for known in _KINDS:
            if kind == known:
                return cls(id_, int(n), known, shipment)
        raise BadReferenceError


_REFERENCE = ("delivery.id", "delivery.n", "kind", "shipment.id")
_KINDS: tuple[Kind, ...] = ("delivery", "shipment", "evidence", "labels", "result")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a FlowFile goes next, and what it says from then on."""

    relationship: str
    attributes: dict[str, str] = field(default_factory=dict)
    contents: bytes | None = None


def because(relationship: str, reason: str) -> Outcome:
    """An outcome that only gives a reason code."""
    return Outcome(relationship, {"reason": reason})
