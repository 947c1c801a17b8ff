"""How one association ended, as one (study, project) sees it: what must arrive before the study is complete."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, model_validator

from handoff.contract.document import Document
from handoff.contract.identifiers import ProjectName, RandomId, Uid


class AnnouncedShipment(Document):
    """A shipment of the association, and how many of its instances passed and did not."""

    id: RandomId
    delivered: NonNegativeInt = Field(description="Instances in the package; 0 when all were withheld and none comes.")
    withheld: NonNegativeInt = Field(description="Instances that de-identification refused.")


class Evidence(Document):
    """Counts of one study for one project. Complete when all delivered ones arrived and the sum reaches `total`."""

    schema_: Literal["sluice.evidence/1"] = Field("sluice.evidence/1", alias="schema")
    evidence_id: RandomId
    project: ProjectName
    study_instance_uid: Uid = Field(description="Pseudonymous.")
    ending: Literal["released", "aborted", "lost"] = Field(description="How the association ended.")
    shipments: tuple[AnnouncedShipment, ...] = ()
    held: NonNegativeInt = Field(0, description="Instances that wait for a person in the trusted zone.")
    duplicates: NonNegativeInt = 0
    variants: NonNegativeInt = 0
    total: NonNegativeInt = Field(description="Instances of the study that the association acknowledged.")

    @model_validator(mode="after")
    def _each_shipment_once(self) -> Self:
        if len({shipment.id for shipment in self.shipments}) != len(self.shipments):
            message = "a shipment stands twice in the evidence"
            raise ValueError(message)
        return self

    def accounted(self) -> int:
        """Instances that have an answer, held ones included."""
        shipped = sum(shipment.delivered + shipment.withheld for shipment in self.shipments)
        return shipped + self.held + self.duplicates + self.variants
