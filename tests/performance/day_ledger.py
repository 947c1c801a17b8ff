"""A ledger as modalities would leave it: as many instances a day as wanted, all of them confirmed but a few.

Run as a program it prints how long `sluice ledger reconcile --by-peer` needs for one day of it:

    python -m tests.performance.day_ledger [INSTANCES] [INSTANCES_OF_THE_DAY]
"""

import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from processors.landing.evidence import AssociationEvidence, StudyEvidence, write_evidence
from processors.landing.layout import Layout
from processors.ledger.schema import connect, transaction

DAY = 86400.0
BEGIN = 1_750_032_000.0
"""Midnight UTC."""
PER_SERIES, SERIES, PEERS = 250, 2, 20


def fill(ledger: sqlite3.Connection, layout: Layout | None, instances: int, a_day: int) -> int:
    """Fill an empty ledger with associations of two series; returns how many days it holds.

    Every hundredth instance is withheld, and of every twentieth association one object was refused and one came twice.
    """
    per_association = PER_SERIES * SERIES
    associations = instances // per_association
    with transaction(ledger):
        for number in range(associations):
            identifier = f"{number:032x}"
            at = BEGIN + DAY * number * per_association / a_day
            odd = number % 20 == 0
            ledger.execute(
                "INSERT INTO associations VALUES (?, ?, ?, ?, 'SLUICE', ?, 'released', ?, ?)",
                (
                    identifier,
                    at,
                    at + 60,
                    f"CT{number % PEERS}",
                    f"10.0.0.{number % PEERS}",
                    per_association + odd,
                    odd,
                ),
            )
            for series in range(SERIES):
                _deliver(ledger, number, series, at)
            if odd:
                ledger.execute(
                    "INSERT INTO refusals (association_id, at, status, reason) VALUES (?, ?, 49152, 'malformed')",
                    (identifier, at + 59),
                )
                ledger.execute(_INSTANCE, _instance(number, 0, 0, at + 59) | {"delivery": None, "as": "duplicate"})
            if layout is not None:
                study = StudyEvidence(acknowledged=per_association + odd, duplicates=int(odd), deliveries=())
                said = AssociationEvidence(association_id=identifier, ending="released", studies={"1": study})
                write_evidence(layout.evidence_of(identifier), said)
    return int(instances / a_day)


_INSTANCE = """
    INSERT INTO instances (association_id, delivery_id, sop_instance_uid, sop_class_uid, study_uid, series_uid,
        called_ae, revision, digest, size, file, received_at, disposition, duplicate_of)
    VALUES (:association, :delivery, :uid, '1.2.840.10008.5.1.4.1.1.2', :study, :series, 'SLUICE', 1, :digest, 524288,
        '000001.dcm', :at, :as, :first)
"""


def _instance(number: int, series: int, one: int, at: float) -> dict[str, object]:
    serial = (number * SERIES + series) * PER_SERIES + one
    return {
        "association": f"{number:032x}",
        "delivery": f"{number:031x}{series}",
        "uid": f"2.25.{serial + 10**30}",
        "study": f"2.25.{number + 10**31}",
        "series": f"2.25.{number * SERIES + series + 10**32}",
        "digest": f"{serial:064x}",
        "at": at,
        "as": "delivered",
        "first": 1,
    }


def _deliver(ledger: sqlite3.Connection, number: int, series: int, at: float) -> None:
    delivery, shipment = f"{number:031x}{series}", f"{number:030x}5{series}"
    begin = at + series * 25
    last = ledger.execute("SELECT coalesce(max(id), 0) FROM instances").fetchone()[0]
    rows = [_instance(number, series, one, begin + one / 10) for one in range(PER_SERIES)]
    ledger.executemany(_INSTANCE, rows)
    withheld = [one for one in range(PER_SERIES) if one % 100 == 0]
    ledger.execute(
        "INSERT INTO deliveries (id, association_id, called_ae, study_uid, series_uid, opened_at, sealed_at,"
        " instance_count, bytes, state) VALUES (?, ?, 'SLUICE', ?, ?, ?, ?, ?, ?, 'terminal')",
        (delivery, rows[0]["association"], rows[0]["study"], rows[0]["series"], begin, begin + 35, PER_SERIES,
         PER_SERIES * 524288),
    )  # fmt: skip
    ledger.execute(
        "INSERT INTO shipments (id, delivery_id, destination, project, profile, treatment, state, passed, withheld)"
        " VALUES (?, ?, 'research', 'lung', 'p', '{}', 'confirmed', ?, ?)",
        (shipment, delivery, PER_SERIES - len(withheld), len(withheld)),
    )
    ledger.executemany(
        "INSERT INTO shipment_instances VALUES (?, ?, ?, NULL)",
        [(shipment, last + 1 + one, "withheld" if one % 100 == 0 else "passed") for one in range(PER_SERIES)],
    )


def main(instances: int = 1_000_000, a_day: int = 100_000) -> None:
    """Measure."""
    from processors.ledger.by_peer import accounts_of
    from processors.ledger.by_peer_gaps import gaps_of
    from processors.peers import Peers

    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder) / "landing")
        layout.prepare()
        with closing(connect(Path(folder) / "ledger.db")) as ledger:
            days = fill(ledger, layout, instances, a_day)
            size = ledger.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").fetchone()[
                0
            ]
            print(f"{instances} instances, {a_day} a day, {size >> 20} MB")
            for name, begin, end in (
                ("one day", BEGIN + (days // 2) * DAY, BEGIN + (days // 2 + 1) * DAY),
                ("all days", BEGIN, BEGIN + (days + 1) * DAY),
            ):
                start = time.perf_counter()
                accounts = accounts_of(ledger, Peers(), begin, end)
                middle = time.perf_counter()
                gaps = list(gaps_of(ledger, layout, begin, end))
                done = time.perf_counter()
                number = sum(account.acknowledged for account in accounts)
                print(f"{name}: {number} acknowledged by {len(accounts)}, {len(gaps)} gaps;", end=" ")
                print(f"accounts {middle - start:.2f} s, sums {done - middle:.2f} s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
