"""The demo succeeds only if every count closes."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from handoff.schemas.shipments import ShipmentView
from ml.evaluation.baseline import Baseline
from processors.ledger.schema import connect
from sluice.demo.counts import Counts, count, disagreements
from sluice.demo.report import MEANINGS, Report
from sluice.demo.score import Score
from sluice.demo.sent import Push, SentFile

CLOSED = Counts(
    unsent=3,
    sent=10,
    acknowledged=9,
    refused=1,
    handed_off=4,
    withheld=1,
    held=1,
    duplicates=1,
    variants=1,
    unmatched=1,
)
RUNS = [{"kind": kind, "state": "SUCCEEDED", "id": kind} for kind in ("prepare", "train", "prepare", "infer")]


def _report(counts: Counts) -> Report:
    return Report(Path(), counts=counts, runs=list(RUNS))


def test_counts_that_close_are_no_fault() -> None:
    assert _report(CLOSED).faults() == []


@pytest.mark.parametrize("name", [name for name in MEANINGS if name != "unsent"])
def test_one_instance_too_many_or_too_few_anywhere_is_a_fault(name: str) -> None:
    for off in (-1, 1):
        assert _report(replace(CLOSED, **{name: getattr(CLOSED, name) + off})).faults()


def test_an_instance_in_no_known_state_is_a_fault() -> None:
    assert _report(replace(CLOSED, elsewhere=1)).faults()


def test_a_run_that_did_not_succeed_or_never_was_is_a_fault() -> None:
    report = _report(CLOSED)
    failed = {"kind": "train", "state": "FAILED", "id": "x", "key": "k", "reason": "step-failed", "said": "No memory"}
    report.runs[1] = failed
    assert report.faults() == ["train run x is FAILED (step-failed): No memory (research/runs/k/log.txt)"]
    report.runs = RUNS[:1]
    assert report.faults() == ["a run is missing"]


@pytest.mark.parametrize(("model", "threshold", "good"), [(0.7, 0.4, True), (0.59, 0.1, False), (0.7, 0.55, False)])
def test_the_model_must_be_good_and_clearly_better_than_a_threshold(model: float, threshold: float, good: bool) -> None:
    report = _report(CLOSED)
    report.score = Score(model, Baseline(threshold, 0, 0, 0.0, 0.0), (model,))
    assert (report.faults() == []) is good


def test_json_has_the_agreed_keys() -> None:
    keys = set(_report(CLOSED).as_json())
    assert set(MEANINGS) | {"runs", "seconds", "urls", "home"} <= keys


@pytest.fixture
def ledger(tmp_path: Path) -> sqlite3.Connection:
    """Ten deliveries of one instance each, in every state that an instance can end in."""
    connection = connect(tmp_path / "ledger.db")
    connection.execute(
        "INSERT INTO associations (id, opened_at, calling_ae, called_ae, peer, ending, acknowledged)"
        " VALUES ('a', 0, 'CT', 'SLUICE', 'p', 'released', 7)"
    )
    for number, (disposition, state, reason, shipment, passed) in enumerate(
        [
            ("delivered", "terminal", None, "confirmed", "passed"),
            ("delivered", "terminal", None, "confirmed", "withheld"),
            ("delivered", "terminal", None, "quarantined", "withheld"),
            ("delivered", "parked", "held:patient-id-empty", "parked", None),
            ("delivered", "parked", "unmatched", None, None),
            ("duplicate", None, None, None, None),
            ("variant", "terminal", None, None, None),
        ]
    ):
        if state:
            connection.execute(
                "INSERT INTO deliveries (id, association_id, called_ae, study_uid, series_uid, opened_at,"
                " instance_count, bytes, state, reason) VALUES (?, 'a', 'S', '1', '2', 0, 1, 1, ?, ?)",
                (f"d{number}", state, reason),
            )
        connection.execute(
            "INSERT INTO instances (id, association_id, delivery_id, sop_instance_uid, sop_class_uid, study_uid,"
            " series_uid, called_ae, revision, digest, size, received_at, disposition)"
            " VALUES (?, 'a', ?, '1', '2', '3', '4', 'S', 1, 'd', 1, 0, ?)",
            (number, f"d{number}" if state else None, disposition),
        )
        if shipment:
            connection.execute(
                "INSERT INTO shipments (id, delivery_id, destination, project, profile, treatment, state,"
                " package_sha256) VALUES (?, ?, 'handoff', 'p', 'x', '{}', ?, 'f')",
                (f"s{number}", f"d{number}", shipment),
            )
        if passed:
            connection.execute(
                "INSERT INTO shipment_instances VALUES (?, ?, ?, ?)",
                (f"s{number}", number, passed, "verify-hit" if passed == "withheld" else None),
            )
    return connection


PUSH = Push(
    "dcmsend",
    (
        *(SentFile(Path(str(number)), "acknowledged") for number in range(7)),
        SentFile(Path("r"), "refused", "status-a900"),
        SentFile(Path("u"), "unsent", "unreadable"),
    ),
    1,
    0,
)


def test_every_state_of_the_ledger_is_counted_where_it_belongs(ledger: sqlite3.Connection) -> None:
    counts = count(PUSH, ledger)
    assert counts.gaps() == []
    assert (counts.handed_off, counts.withheld, counts.held) == (1, 2, 1)
    assert (counts.duplicates, counts.variants, counts.unmatched, counts.elsewhere) == (1, 1, 1, 0)
    assert counts.reasons["withheld"] == {"verify-hit": 2}
    assert counts.reasons["held"] == {"patient-id-empty": 1}
    assert counts.reasons["refused"] == {"status-a900": 1}


def test_the_receivers_reason_of_a_refusal_is_told_before_the_senders(ledger: sqlite3.Connection) -> None:
    ledger.execute("INSERT INTO refusals (association_id, at, status, reason) VALUES ('a', 0, 43264, 'mismatch')")
    assert count(PUSH, ledger).reasons["refused"] == {"mismatch": 1}


def test_an_instance_still_on_its_way_is_counted_nowhere_and_opens_the_sum(ledger: sqlite3.Connection) -> None:
    ledger.execute("UPDATE shipments SET state = 'packaged' WHERE id = 's0'")
    counts = count(PUSH, ledger)
    assert counts.elsewhere == 1
    assert counts.gaps()


def _stored(identifier: str, delivered: int) -> ShipmentView:
    return ShipmentView.model_construct(id=identifier, sha256="f", delivered=delivered)


def test_a_package_that_only_one_side_knows_is_a_disagreement(ledger: sqlite3.Connection) -> None:
    counts = count(PUSH, ledger)
    both = [_stored("s0", 1), _stored("s1", 0)]
    assert disagreements(counts, ledger, both) == []
    assert disagreements(counts, ledger, both[:1])
    assert disagreements(counts, ledger, [_stored("s0", 2), both[1]])
