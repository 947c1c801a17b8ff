"""What ledger and vault know of the objects that keys name: where they are, who has them, and whose they are.

All look-ups go by an index, many at a time, so that the cost grows with the file and not with the ledger. Only keys of
patients and accession numbers need a look at every study of the destination, once.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from processors.labels.reasons import Reason
from processors.vault import Owner, Vault

_AT_ONCE: Final = 500
_WORST_LAST: Final = (
    None,
    Reason.OTHER_KEY_EPOCH,
    Reason.NOT_CONFIRMED,
    Reason.HELD,
    Reason.WITHHELD,
    Reason.OTHER_DESTINATION,
)
"""Of several copies of an object the best one counts; None is confirmed."""


class Place(NamedTuple):
    """Original UIDs from the study down; empty below the level that is meant. PHI."""

    study: str
    series: str = ""
    instance: str = ""

    def __repr__(self) -> str:
        """Without the originals."""
        return "Place(…)"


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the vault knows of a study: whose it is, and what its originals said of patient and order. PHI."""

    owner: Owner | None = field(repr=False)
    accession: str = field(repr=False)
    said: dict[str, tuple[str, ...]] = field(repr=False)
    """Values by keyword."""


class Objects:
    """What one destination has or could have. Reads only."""

    def __init__(self, ledger: sqlite3.Connection, vault: Vault, destination: str, project: str, epoch: str) -> None:
        self._ledger = ledger
        self._vault = vault
        self._of = {"destination": destination, "project": project}
        self._epoch = epoch
        self._epochs: dict[str, bool] = {}
        self._facts: dict[str, StudyFacts] = {}
        self._found: dict[str, dict[str, dict[Place, Reason | None]]] = {"study": {}, "series": {}, "instance": {}}

    def prefetch(self, level: str, uids: Iterable[str]) -> None:
        """Look up many UIDs of one level at once."""
        known = self._found[level]
        wanted = sorted({uid for uid in uids if uid not in known})
        for start in range(0, len(wanted), _AT_ONCE):
            chosen = wanted[start : start + _AT_ONCE]
            known.update((uid, {}) for uid in chosen)
            for row in self._rows(level, chosen):
                place = Place(*(row[name] for name in _COLUMNS[: _DEPTH[level]]))
                self._note(known[place[_DEPTH[level] - 1]], place, self._standing(row))

    def places(self, level: str, uid: str) -> dict[Place, Reason | None]:
        """Where objects with this UID were received, and why the destination does not have them; None: it has."""
        found = self._found[level].get(uid)
        if found is None:
            self.prefetch(level, [uid])
            found = self._found[level][uid]
        return found

    def studies(self) -> list[str]:
        """Every study of which something was sent, or is to be sent, to the destination."""
        rows = self._ledger.execute(_STUDIES, self._of)
        return [row[0] for row in rows]

    def facts(self, study: str) -> StudyFacts:
        """What the vault knows of a study."""
        found = self._facts.get(study)
        if found is None:
            said = _texts(self._vault.study_facts(study) or {})
            accession = next(iter(said.get("AccessionNumber", ())), "")
            found = self._facts[study] = StudyFacts(self._vault.owner_of(study), accession.strip(" \0"), said)
        return found

    def _rows(self, level: str, uids: Sequence[str]) -> Iterator[sqlite3.Row]:
        marks = ", ".join(f":u{number}" for number in range(len(uids)))
        values = {f"u{number}": uid for number, uid in enumerate(uids)}
        yield from self._ledger.execute(_QUERIES[level].format(marks), {**self._of, **values})

    def _note(self, known: dict[Place, Reason | None], place: Place, standing: Reason | None) -> None:
        if place not in known or _WORST_LAST.index(standing) < _WORST_LAST.index(known[place]):
            known[place] = standing

    def _standing(self, row: sqlite3.Row) -> Reason | None:
        """Why the destination does not have what a row tells of; None when it has, under today's pseudonyms."""
        if row["shipment_state"] is None:
            return _without_shipment(row["delivery_state"], row["delivery_reason"])
        if row["shipment_state"] == "quarantined" or row["fate"] == "withheld":
            return Reason.WITHHELD
        if row["shipment_state"] == "parked" and (row["shipment_reason"] or "").startswith("held"):
            return Reason.HELD
        if row["shipment_state"] != "confirmed":
            return Reason.NOT_CONFIRMED
        return None if self._is_of_this_epoch(row["treatment"]) else Reason.OTHER_KEY_EPOCH

    def _is_of_this_epoch(self, treatment: str) -> bool:
        if treatment not in self._epochs:
            self._epochs[treatment] = json.loads(treatment).get("key_epoch", self._epoch) == self._epoch
        return self._epochs[treatment]


def _without_shipment(state: str, reason: str | None) -> Reason:
    """Standing of a delivery that has no shipment for the destination."""
    if state == "parked" and reason != "unmatched":
        return Reason.HELD
    if state in {"routed", "terminal", "parked"}:
        return Reason.OTHER_DESTINATION
    return Reason.NOT_CONFIRMED


def _texts(facts: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Values by keyword, of DICOM JSON (PS3.18 F.2); a person's name in each of its writings."""
    from pydicom.datadict import keyword_for_tag

    found: dict[str, tuple[str, ...]] = {}
    for tag, element in facts.items():
        texts: list[str] = []
        for value in element.get("Value", ()):
            texts.extend(map(str, value.values()) if isinstance(value, dict) else [str(value)])
        found[keyword_for_tag(tag)] = tuple(texts)
    return found


_COLUMNS: Final = ("study_uid", "series_uid", "sop_instance_uid")
_DEPTH: Final = {"study": 1, "series": 2, "instance": 3}
_SHIPPED: Final = """
    LEFT JOIN shipments s ON s.delivery_id = d.id AND s.project = :project AND s.destination = :destination
"""
_OF_DELIVERY: Final = f"""
    SELECT d.study_uid, d.series_uid, d.state AS delivery_state, d.reason AS delivery_reason,
        s.state AS shipment_state, s.reason AS shipment_reason, s.treatment, NULL AS fate
    FROM deliveries d {_SHIPPED}
"""  # noqa: S608 - no value enters it
_QUERIES: Final = {
    "study": _OF_DELIVERY + " WHERE d.study_uid IN ({})",
    "series": _OF_DELIVERY + " WHERE d.series_uid IN ({})",
    "instance": f"""
        SELECT i.study_uid, i.series_uid, i.sop_instance_uid, d.state AS delivery_state, d.reason AS delivery_reason,
            s.state AS shipment_state, s.reason AS shipment_reason, s.treatment, si.state AS fate
        FROM instances i JOIN deliveries d ON d.id = i.delivery_id {_SHIPPED}
        LEFT JOIN shipment_instances si ON si.shipment_id = s.id AND si.instance_id = i.id
        WHERE i.sop_instance_uid IN ({{}})
    """,  # noqa: S608 - as above
}
_STUDIES: Final = """
    SELECT DISTINCT d.study_uid FROM shipments s JOIN deliveries d ON d.id = s.delivery_id
    WHERE s.project = :project AND s.destination = :destination AND d.study_uid <> '' ORDER BY d.study_uid
"""
