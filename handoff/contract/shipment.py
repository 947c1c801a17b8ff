"""The manifest of a package: a ZIP, stored, of `manifest.json` and `instances/<SOPInstanceUID>.dcm`."""

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from handoff.contract.document import Document
from handoff.contract.identifiers import Count, Digest, Modality, ProjectName, Pseudonym, RandomId, ReasonCode, Uid

MANIFEST_MEMBER = "manifest.json"
"""The member of a package that holds its `Manifest`."""


def member_name(sop_instance_uid: str) -> str:
    """The member of a package that holds this instance."""
    return f"instances/{sop_instance_uid}.dcm"


class Instance(Document):
    """One de-identified instance of a package."""

    sop_instance_uid: Uid
    sop_class_uid: Uid
    member: str = Field(description="Name of the ZIP member, always instances/<SOPInstanceUID>.dcm.")
    digest: Digest = Field(description="SHA-256 of the encoded data set, without preamble and file meta.")
    size: PositiveInt = Field(description="Bytes of the member: the whole Part 10 file.")
    revision: PositiveInt = Field(
        1, le=2**31 - 1, description="Given by the receiver; the highest wins, whatever arrives last."
    )
    references: tuple[Uid, ...] = Field((), description="Pseudonymous SOP Instance UIDs that this one refers to.")
    annotation: bool = Field(False, description="Whether it is ground truth: a SEG or an RTSTRUCT.")

    @model_validator(mode="after")
    def _named_by_its_uid(self) -> Self:
        if self.member != member_name(self.sop_instance_uid):
            message = "the member is not named by its SOP Instance UID"
            raise ValueError(message)
        return self


class Manifest(Document):
    """What a package holds, what was withheld from it, and what decided both. No receive time, no address."""

    schema_: Literal["sluice.package/1"] = Field("sluice.package/1", alias="schema")
    shipment_id: RandomId
    project: ProjectName
    patient: Pseudonym
    study_instance_uid: Uid
    series_instance_uid: Uid
    modality: Modality
    instances: tuple[Instance, ...] = Field(min_length=1)
    withheld: dict[ReasonCode, Count] = Field(default_factory=dict, description="Reason code: instances.")
    treatment: dict[str, str] = Field(default_factory=dict, description="Versions and digests that decided it.")
    replaces: RandomId | None = Field(None, description="The shipment that a replay replaces.")

    @model_validator(mode="after")
    def _each_instance_once(self) -> Self:
        if len({instance.sop_instance_uid for instance in self.instances}) != len(self.instances):
            message = "a SOP Instance UID stands twice in the manifest"
            raise ValueError(message)
        return self
