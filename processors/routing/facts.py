"""What rules may look at: facts of one instance, as its association and its header gave them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one instance. They may identify a patient, so printing shows none of them."""

    called_ae: str = field(repr=False)
    calling_ae: str = field(repr=False)
    sop_class: str = field(repr=False)
    modality: str = field(default="", repr=False)
    station: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)
    series_description: str = field(default="", repr=False)
    peer: str = field(default="", repr=False)
    project_hint: str = field(default="", repr=False)

    @classmethod
    def of(
        cls,
        called_ae: str,
        calling_ae: str,
        sop_class: str,
        header: Mapping[str, str],
        *,
        peer: str | None = None,
        project_hint: str | None = None,
    ) -> "Facts":
        """The facts of an instance that came over an association, by its scanned header and its peer's entry."""
        return cls(
            called_ae=called_ae.strip(),
            calling_ae=calling_ae.strip(),
            sop_class=sop_class,
            modality=header.get("Modality", "").strip(),
            station=header.get("StationName", "").strip(),
            study_description=header.get("StudyDescription", ""),
            series_description=header.get("SeriesDescription", ""),
            peer=peer or "",
            project_hint=project_hint or "",
        )
