"""What ledger and vault know: associations, deliveries, shipments, evidence, and which pseudonym is which original."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from processors.deid.keys import KeyFile
from processors.deid.pseudonyms import pseudonymous_uid
from processors.ledger import commitment_lists, expectations, label_documents, performed_lists, results
from processors.ledger.schema import connect_readonly
from processors.site import Site
from processors.vault.vault import Vault
from sluice.tracing.line import Line, Thing

_DELIVERIES = """
SELECT d.id, d.association_id, d.study_uid, d.series_uid, d.instance_count, d.state, d.reason
FROM deliveries d
"""


@dataclass(frozen=True, slots=True)
class TrustedSide:
    """The trusted home of a site, or of what is left of it.

    Attributes:
        home: the trusted home; where it has no ledger, nothing is known here.
        identified: whether original UIDs and AE titles may be told.
    """

    home: Path
    identified: bool = False

    def line(self, identifier: str) -> Line:
        """Everything of an association, a delivery, a shipment, an evidence message or a pseudonymous UID."""
        line = Line()
        with _ledger(self._site) as ledger:
            if ledger is not None:
                for delivery in self._deliveries_of(ledger, line, identifier):
                    self._tell_delivery(ledger, line, delivery)
        return line

    def shipments(self, identifiers: Iterable[str]) -> Line:
        """How shipments that the handoff named came here."""
        line = Line()
        with _ledger(self._site) as ledger:
            if ledger is None:
                return line
            for identifier in identifiers:
                row = ledger.execute("SELECT delivery_id FROM shipments WHERE id = ?", (identifier,)).fetchone()
                if row is not None:
                    self._tell_delivery(ledger, line, row["delivery_id"])
        return line

    def evidence(self, identifiers: Iterable[str]) -> Line:
        """Which associations evidence messages that the handoff named speak of."""
        line = Line()
        with _ledger(self._site) as ledger:
            if ledger is None:
                return line
            for identifier in identifiers:
                row = ledger.execute("SELECT association_id FROM evidence WHERE id = ?", (identifier,)).fetchone()
                if row is not None:
                    self._tell_evidence(ledger, line, row["association_id"], identifier)
        return line

    def labels(self, identifiers: Iterable[str]) -> Line:
        """Where label documents are; who imported them is not asked."""
        line = Line()
        with _ledger(self._site) as ledger:
            if ledger is None:
                return line
            for identifier in identifiers:
                row = label_documents.get(ledger, identifier)
                if row is not None:
                    facts = {"project": row.project, "source": row.source, "revision": row.revision, "rows": row.rows}
                    line.add(Thing("labels", identifier), **facts, state=row.state, reason=row.reason)
        return line

    def run_of(self, result_id: str) -> str | None:
        """The handoff whose run made an object that came back; None when no such object did."""
        with _ledger(self._site) as ledger:
            if ledger is None:
                return None
            row = results.get(ledger, result_id)
        return row.handoff_id if row is not None else None

    def results(self, handoffs: Iterable[str]) -> Line:
        """What became of the objects that these runs made: held, or in which PACS."""
        line = Line()
        with _ledger(self._site) as ledger:
            for row in results.of_handoffs(ledger, handoffs) if ledger is not None else ():
                thing = line.add(
                    Thing("result", row.id),
                    project=row.project,
                    destination=row.destination,
                    state=row.state,
                    reason=row.reason,
                    attempts=row.attempts,
                )
                if self.identified:
                    line.add(thing, study=row.study_uid, sop_instance=row.sop_instance_uid)
                line.lead(line.add(Thing("file", f"{row.handoff_id}/{row.path}")), thing)
        return line

    def pseudonyms(self, original: str) -> list[str]:
        """The pseudonyms of an original study or instance UID, one for each project; none unless identified."""
        site = self._site
        if not (self.identified and site.key_file.exists()):
            return []
        with _ledger(site) as ledger:
            if ledger is None or not list(_kinds_of(ledger, original)):
                return []
            keys = KeyFile.load(site.key_file)
            return [pseudonymous_uid(keys.project(project), original) for project in _projects(ledger)]

    @property
    def _site(self) -> Site:
        return Site.load(self.home)

    def _deliveries_of(self, ledger: sqlite3.Connection, line: Line, identifier: str) -> list[str]:
        """The deliveries that an id means; marks the id as the start of the line."""
        for kind, chosen in _DIRECT.items():
            if ledger.execute(f"SELECT 1 FROM {_TABLES[kind]} WHERE id = ?", (identifier,)).fetchone():  # noqa: S608
                line.starts.add(Thing(kind, identifier))
                if kind in {"association", "evidence"}:
                    line.merge(self._association_of(ledger, kind, identifier))
                return [row[0] for row in ledger.execute(chosen, (identifier,))]
        return self._deliveries_of_uid(ledger, line, identifier)

    def _association_of(self, ledger: sqlite3.Connection, kind: str, identifier: str) -> Line:
        line = Line()
        association = identifier
        if kind == "evidence":
            found = ledger.execute("SELECT association_id FROM evidence WHERE id = ?", (identifier,)).fetchone()
            self._tell_evidence(ledger, line, found["association_id"], identifier)
            return line
        self._tell_association(ledger, line, association)
        return line

    def _tell_evidence(self, ledger: sqlite3.Connection, line: Line, source: str, identifier: str) -> None:
        """What evidence speaks of: an association that ended, a study that a PACS has counted, a list of a modality."""
        evidence = Thing("evidence", identifier)
        if counted := expectations.get(ledger, source):
            line.add(evidence, counted_by=counted.peer, expected=counted.expected)
            return
        if performed := performed_lists.get(ledger, source):
            line.add(evidence, performed_step=performed.step_id, expected=len(performed.instances))
            source = performed.association_id
        elif asked := commitment_lists.get(ledger, source):
            line.add(evidence, commitment=asked.commitment_id)
            return
        line.add(evidence)
        self._tell_association(ledger, line, source)
        line.lead(Thing("association", source), evidence)

    def _deliveries_of_uid(self, ledger: sqlite3.Connection, line: Line, pseudonym: str) -> list[str]:
        """The deliveries behind a pseudonymous UID, by the vault."""
        found: list[str] = []
        for kind, original in self._originals(ledger, pseudonym):
            rows = ledger.execute(
                f"SELECT DISTINCT association_id, delivery_id, disposition FROM instances WHERE {_COLUMNS[kind]} = ?",  # noqa: S608
                (original,),
            ).fetchall()
            for row in rows:
                thing = line.add(Thing(kind, pseudonym), **({"original": original} if self.identified else {}))
                line.starts.add(thing)
                if row["delivery_id"]:
                    found.append(row["delivery_id"])
                else:
                    self._tell_association(ledger, line, row["association_id"])
                    line.add(thing, came_again_over=row["association_id"])
        return found

    def _originals(self, ledger: sqlite3.Connection, pseudonym: str) -> Iterator[tuple[str, str]]:
        site = self._site
        found: set[str | None] = set()
        if site.vault.exists() and site.key_file.exists():
            with Vault.open(site.vault, site.key_file) as vault:
                found = {vault.original_of(project, pseudonym) for project in _projects(ledger)}
        # What was withheld, held or unmatched has no pseudonym; it is found by its original alone.
        originals = {original for original in found if original} or ({pseudonym} if self.identified else set())
        for original in originals:
            for kind in _kinds_of(ledger, original):
                yield kind, original

    def _tell_delivery(self, ledger: sqlite3.Connection, line: Line, identifier: str) -> None:
        row = ledger.execute(f"{_DELIVERIES} WHERE d.id = ?", (identifier,)).fetchone()
        delivery = line.add(
            Thing("delivery", identifier), instances=row["instance_count"], state=row["state"], reason=row["reason"]
        )
        if self.identified:
            line.add(delivery, study=row["study_uid"], series=row["series_uid"])
        self._tell_association(ledger, line, row["association_id"])
        line.lead(Thing("association", row["association_id"]), delivery)
        for shipment in ledger.execute(
            "SELECT id, project, state, reason, passed, withheld FROM shipments WHERE delivery_id = ?", (identifier,)
        ):
            thing = line.add(
                Thing("shipment", shipment["id"]),
                project=shipment["project"],
                state=shipment["state"],
                reason=shipment["reason"],
                delivered=shipment["passed"],
                withheld=shipment["withheld"],
            )
            line.lead(delivery, thing)

    def _tell_association(self, ledger: sqlite3.Connection, line: Line, identifier: str) -> None:
        row = ledger.execute(
            "SELECT ending, acknowledged, refused, calling_ae, called_ae FROM associations WHERE id = ?", (identifier,)
        ).fetchone()
        if row is None:
            return
        association = line.add(
            Thing("association", identifier),
            ending=row["ending"],
            acknowledged=row["acknowledged"],
            refused=row["refused"],
        )
        if self.identified:
            line.add(association, calling_ae=row["calling_ae"], called_ae=row["called_ae"])


_TABLES = {"association": "associations", "delivery": "deliveries", "shipment": "shipments", "evidence": "evidence"}

_COLUMNS = {"study": "study_uid", "instance": "sop_instance_uid"}

_DIRECT = {
    "association": "SELECT id FROM deliveries WHERE association_id = ?",
    "delivery": "SELECT id FROM deliveries WHERE id = ?",
    "shipment": "SELECT delivery_id FROM shipments WHERE id = ?",
    "evidence": "SELECT d.id FROM deliveries d JOIN evidence e ON e.association_id = d.association_id WHERE e.id = ?",
}
"""How to get from an id of ours to its deliveries."""


def _projects(ledger: sqlite3.Connection) -> list[str]:
    return [row[0] for row in ledger.execute("SELECT DISTINCT project FROM shipments ORDER BY project")]


def _kinds_of(ledger: sqlite3.Connection, original: str) -> Iterator[str]:
    """Whether a UID was received as one of a study, of an instance, or not at all."""
    for kind, column in _COLUMNS.items():
        if ledger.execute(f"SELECT 1 FROM instances WHERE {column} = ?", (original,)).fetchone():  # noqa: S608
            yield kind


@contextmanager
def _ledger(site: Site) -> Iterator[sqlite3.Connection | None]:
    """The ledger, open for reading; None where there is none."""
    if not site.ledger.exists():
        yield None
        return
    with closing(connect_readonly(site.ledger)) as connection:
        yield connection
