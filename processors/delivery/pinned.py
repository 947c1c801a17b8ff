"""`route.json`: what was decided for a delivery, once; every later announcement reads it instead of the rules."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handoff.contract.canonical import canonical_json
from processors.landing.durable import write_whole
from processors.ledger.shipments import Shipment
from processors.vault.merges import Person

ROUTE_FILE = "route.json"


class PinnedShipment(BaseModel):
    """One shipment as it was decided. `parked` when its identity must be looked at by a person first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    destination: str
    project: str
    profile: str
    treatment: dict[str, str] = Field(description="Versions and digests; no value of the delivery.")
    state: Literal["routed", "parked"] = "routed"
    reason: str | None = None
    joins: tuple[tuple[Person, Person], ...] = Field(
        (), repr=False, description="Identities of the delivery that go under another one, with it (PHI)."
    )
    replays: str | None = Field(None, description="The shipment of an earlier key epoch that this one repeats.")


class Route(BaseModel):
    """A decision. Without shipments, `reason` says why there are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_: Literal["sluice.route/1"] = Field("sluice.route/1", alias="schema")
    delivery_id: str
    rules: tuple[str, ...] = Field(description="Names of the rules that held.")
    reason: str = ""
    shipments: tuple[PinnedShipment, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The decision beside a delivery; None when there is none, or none that can be read."""
        try:
            return cls.model_validate_json((folder / ROUTE_FILE).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, folder: Path) -> None:
        """Keep the decision beside its delivery, durably; what is not said an earlier release need not know."""
        write_whole(folder / ROUTE_FILE, self.model_dump_json(by_alias=True, exclude_none=True).encode())

    def rows(self) -> list[Shipment]:
        """The shipments as the ledger keeps them."""
        return [
            Shipment(
                id=pinned.id,
                delivery_id=self.delivery_id,
                destination=pinned.destination,
                project=pinned.project,
                profile=pinned.profile,
                treatment=canonical_json(pinned.treatment).decode(),
                state=pinned.state,
                reason=pinned.reason,
            )
            for pinned in self.shipments
        ]
