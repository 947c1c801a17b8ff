"""What of a study is still to be fetched, as identifiers of C-MOVE and C-GET (PS3.4 C.4.2.1.4)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from pydicom.dataset import Dataset

from processors.pull.query import FoundInstance

MOST_UIDS: Final = 200
"""In one identifier; a list of UIDs shares one value of 64 KB at most."""


@dataclass(frozen=True, slots=True, repr=False)
class Portion:
    """One request to the peer. PHI: it has no revealing repr."""

    level: str
    keys: dict[str, str | list[str]]
    instances: int
    sop_classes: frozenset[str] = field(default=frozenset())

    def __repr__(self) -> str:
        return f"Portion({self.level}, {self.instances})"

    def identifier(self) -> Dataset:
        """As C-MOVE and C-GET send it."""
        identifier = Dataset()
        identifier.QueryRetrieveLevel = self.level
        for keyword, value in self.keys.items():
            setattr(identifier, keyword, value)
        return identifier


def whole_study(study_uid: str, instances: int) -> Portion:
    """All of a study in one request."""
    return Portion("STUDY", {"StudyInstanceUID": study_uid}, instances)


def portions(
    study_uid: str, there: Sequence[FoundInstance], have: Collection[str], *, most: int, most_classes: int
) -> Iterator[Portion]:
    """Ask for what is missing, whole series where possible, else instances by name.

    Args:
        study_uid: The study.
        there: What the peer has of it.
        have: SOP Instance UIDs that need not come again.
        most: Instances in one request.
        most_classes: SOP classes in one request.
    """
    missing = sorted((one for one in there if one.sop_instance_uid not in have), key=lambda one: one.series_uid)
    if len(missing) == len(there) and _fits(missing, most, most_classes):
        yield Portion("STUDY", {"StudyInstanceUID": study_uid}, len(missing), _classes(missing))
        return
    for series_uid, group in groupby(missing, key=lambda one: one.series_uid):
        of_series = list(group)
        keys: dict[str, str | list[str]] = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid}
        whole = len(of_series) == sum(one.series_uid == series_uid for one in there)
        if whole and _fits(of_series, most, most_classes):
            yield Portion("SERIES", keys, len(of_series), _classes(of_series))
            continue
        for named in _chunks(of_series, min(most, MOST_UIDS), most_classes):
            uids = [one.sop_instance_uid for one in named]
            yield Portion("IMAGE", {**keys, "SOPInstanceUID": uids}, len(named), _classes(named))


def _chunks(items: Sequence[FoundInstance], most: int, most_classes: int) -> Iterator[list[FoundInstance]]:
    chunk: list[FoundInstance] = []
    for one in sorted(items, key=lambda item: item.sop_class_uid):
        if not _fits([*chunk, one], most, most_classes):
            yield chunk
            chunk = []
        chunk.append(one)
    if chunk:
        yield chunk


def _fits(items: Sequence[FoundInstance], most: int, most_classes: int) -> bool:
    return len(items) <= most and len(_classes(items)) <= most_classes


def _classes(items: Sequence[FoundInstance]) -> frozenset[str]:
    return frozenset(one.sop_class_uid for one in items)
