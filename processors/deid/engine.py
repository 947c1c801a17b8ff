"""One instance in, one de-identified instance or one reason out."""

from dataclasses import dataclass

from processors.deid.keys import ProjectKeys
from processors.deid.profile import Profile


@dataclass(frozen=True, slots=True)
class Treated:
    """A de-identified instance, and what the shipment must know of it."""

    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    patient_id: str
    modality: str
    chunks: list[bytes | memoryview]
    digest: str
    size: int
    references: tuple[str, ...]
    is_annotation: bool
    uid_map: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """An instance that does not pass, whole, and the code of `reasons` that says why."""

    reason: str


class Engine:
    """De-identifies instances of one project by one profile; does no I/O."""

    def __init__(self, profile: Profile, keys: ProjectKeys) -> None:
        self.profile = profile
        self.keys = keys

    def treat(self, part10: bytes | memoryview) -> Treated | Withheld:
        """De-identify one Part 10 file; never raises for bad content."""
        raise NotImplementedError
