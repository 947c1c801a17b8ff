"""Any id leads to its whole line; what identifies is told only when asked for."""

import itertools
import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from handoff.schemas.trace import Trace
from processors.deid.keys import KeyFile
from processors.deid.pseudonyms import pseudonymous_uid
from processors.ledger import performed_steps
from processors.ledger.performed_steps import NewStep, StepChange
from processors.ledger.schema import connect
from processors.site import Site
from processors.vault.vault import UidRow, Vault
from sluice.trace import UnknownIdError, trace
from sluice.tracing import join
from sluice.tracing.line import Thing

ASSOCIATION, DELIVERY, SHIPMENT, EVIDENCE = "a" * 32, "d" * 32, "5" * 32, "e" * 32
ORIGINAL = "1.2.3.4.5"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """One slice that was delivered, and the same slice again as a duplicate over another association."""
    site = Site.load(tmp_path / "trusted")
    keys = KeyFile.create(site.key_file).project("chest")
    with Vault.open(site.vault, site.key_file) as vault:
        vault.record("chest", [UidRow(ORIGINAL, pseudonymous_uid(keys, ORIGINAL))])
    ledger = connect(site.ledger)
    _fill(ledger)
    ledger.close()
    return tmp_path


def _fill(ledger: sqlite3.Connection) -> None:
    for identifier in (ASSOCIATION, "b" * 32):
        ledger.execute(
            "INSERT INTO associations (id, opened_at, calling_ae, called_ae, peer, ending, acknowledged)"
            " VALUES (?, 0, 'CT_EAST', 'SLUICE', 'p', 'released', 1)",
            (identifier,),
        )
    ledger.execute(
        "INSERT INTO deliveries (id, association_id, called_ae, study_uid, series_uid, opened_at, instance_count,"
        " bytes, state) VALUES (?, ?, 'SLUICE', '1.2', '1.2.3', 0, 1, 1, 'terminal')",
        (DELIVERY, ASSOCIATION),
    )
    for association, delivery, disposition in (
        (ASSOCIATION, DELIVERY, "delivered"),
        ("b" * 32, None, "duplicate"),
    ):
        ledger.execute(
            "INSERT INTO instances (association_id, delivery_id, sop_instance_uid, sop_class_uid, study_uid,"
            " series_uid, called_ae, revision, digest, size, received_at, disposition)"
            " VALUES (?, ?, ?, '1', '1.2', '1.2.3', 'SLUICE', 1, 'x', 1, 0, ?)",
            (association, delivery, ORIGINAL, disposition),
        )
    ledger.execute(
        "INSERT INTO shipments (id, delivery_id, destination, project, profile, treatment, state)"
        " VALUES (?, ?, 'handoff', 'chest', 'p', '{}', 'confirmed')",
        (SHIPMENT, DELIVERY),
    )
    ledger.execute(
        "INSERT INTO evidence (id, association_id, project, state) VALUES (?, ?, 'chest', 'confirmed')",
        (EVIDENCE, ASSOCIATION),
    )


@pytest.fixture
def handoff_knows(monkeypatch: pytest.MonkeyPatch, home: Path) -> str:
    """A handoff that made a model of the shipment's instance; returns the instance's pseudonym."""
    site = Site.load(home / "trusted")
    pseudonym = pseudonymous_uid(KeyFile.load(site.key_file).project("chest"), ORIGINAL)
    names = [f"shipment:{SHIPMENT}", f"instance:{pseudonym}", "batch:b1", "handoff:h1", "model:unet:1"]

    def ask(identifier: str) -> Trace | None:
        if not any(name.partition(":")[2] == identifier for name in names):
            return None
        return Trace.model_validate(
            {
                "start": next(name for name in names if name.partition(":")[2] == identifier),
                "nodes": [dict(zip(("kind", "id"), name.split(":", 1), strict=True)) for name in names],
                "edges": [{"from": before, "to": after} for before, after in itertools.pairwise(names)],
            }
        )

    monkeypatch.setattr(join, "asker", lambda *_: (ask, "handoff"))
    return pseudonym


@pytest.mark.parametrize("start", [ASSOCIATION, DELIVERY, SHIPMENT, "b1", "h1", "unet:1"])
def test_every_id_leads_from_the_association_to_the_model(home: Path, handoff_knows: str, start: str) -> None:
    line = join.trace_line(home, start).line
    assert Thing("association", ASSOCIATION) in line.facts
    assert Thing("model", "unet:1") in line.facts
    assert (Thing("delivery", DELIVERY), Thing("shipment", SHIPMENT)) in line.edges
    assert [thing.id for thing in line.starts] == [start]


def test_a_pseudonymous_instance_leads_both_ways_and_tells_that_it_came_again(home: Path, handoff_knows: str) -> None:
    line = join.trace_line(home, handoff_knows).line
    assert line.sources()[0] == Thing("association", ASSOCIATION)
    assert line.facts[Thing("instance", handoff_knows)]["came_again_over"] == "b" * 32


def test_evidence_leads_to_its_association(home: Path) -> None:
    line = join.trace_line(home, EVIDENCE).line
    assert (Thing("association", ASSOCIATION), Thing("evidence", EVIDENCE)) in line.edges


def test_what_a_performed_step_made_leads_to_the_association_that_it_was_made_over(home: Path) -> None:
    ledger = connect(Site.load(home / "trusted").ledger)
    performed_steps.create(ledger, NewStep("1.2.7", "ct1", ASSOCIATION, "1.2", frozenset({ORIGINAL})), 0)
    performed_steps.change(ledger, StepChange("1.2.7", "ct1", "COMPLETED", None), 0)
    [(evidence,)] = ledger.execute("SELECT e.id FROM evidence e JOIN performed_lists l ON l.id = e.association_id")
    ledger.close()
    line = join.trace_line(home, evidence).line
    assert line.facts[Thing("evidence", evidence)]["expected"] == 1
    assert (Thing("association", ASSOCIATION), Thing("evidence", evidence)) in line.edges


def test_without_a_handoff_the_trusted_side_tells_what_it_knows(home: Path) -> None:
    joined = join.trace_line(home, SHIPMENT)
    assert joined.witnesses == ("ledger",)
    assert Thing("association", ASSOCIATION) in joined.line.facts


def test_originals_and_ae_titles_are_told_only_when_asked_for(home: Path, handoff_knows: str) -> None:
    plain = json.dumps(join.trace_line(home, handoff_knows).line.as_json())
    assert ORIGINAL not in plain
    assert "CT_EAST" not in plain
    told = json.dumps(join.trace_line(home, handoff_knows, identified=True).line.as_json())
    assert ORIGINAL in told
    assert "CT_EAST" in told


def test_an_original_uid_leads_on_only_when_asked_for(home: Path, handoff_knows: str) -> None:
    assert not join.trace_line(home, ORIGINAL).line.facts
    line = join.trace_line(home, ORIGINAL, identified=True).line
    assert line.starts == {Thing("instance", handoff_knows)}
    assert Thing("model", "unet:1") in line.facts


def test_an_original_that_never_left_is_found_by_its_original(home: Path) -> None:
    (home / "trusted" / "vault.db").unlink()
    line = join.trace_line(home, ORIGINAL, identified=True).line
    assert line.starts == {Thing("instance", ORIGINAL)}
    assert line.facts[Thing("shipment", SHIPMENT)]["state"] == "confirmed"


def test_json_has_nodes_edges_and_witnesses(home: Path, handoff_knows: str) -> None:
    answer = CliRunner().invoke(trace, [SHIPMENT, "--json", "--home", str(home)], catch_exceptions=False)
    told = json.loads(answer.output)
    assert set(told) == {"start", "nodes", "edges", "witnesses"}
    assert told["witnesses"] == ["ledger", "handoff"]


def test_an_id_that_nobody_knows_is_an_error_with_a_remedy(home: Path) -> None:
    with pytest.raises(UnknownIdError):
        CliRunner().invoke(trace, ["nobody", "--home", str(home)], catch_exceptions=False)
    assert UnknownIdError.remedy


def test_a_home_with_neither_zone_is_no_crash(tmp_path: Path) -> None:
    assert not join.trace_line(tmp_path, SHIPMENT).line.facts
