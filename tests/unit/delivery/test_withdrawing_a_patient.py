"""A patient takes their consent back: everything of theirs is found, ended, removed and certified, in both zones."""

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydicom.uid import generate_uid

from handoff.client import UnreachableError
from handoff.contract.withdrawal import SignedCertificate
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import ModelVersion
from handoff.errors import WithdrawnError
from handoff.withdrawals.copies import note_copy
from handoff.withdrawals.kinds import model_uri
from processors.delivery.confirm import Answer
from processors.delivery.flowfile import Reference
from processors.delivery.route import route
from processors.delivery.treat import treat
from processors.inventory.books import Books
from processors.inventory.look import look
from processors.landing.retention import DAY_SECONDS
from processors.ledger.promises import promise
from processors.ledger.schema import transaction
from processors.quarantine.items import waiting
from sluice.withdraw import withdraw_patient
from tests.unit.delivery.asked_desk import Body, Client
from tests.unit.delivery.trusted_home import RELEASE, TrustedHome, ct, reference
from tests.unit.withdrawals.desk import Desk

MakeHome = Callable[..., TrustedHome]
MINE, OTHER = "HOSP-4711", "HOSP-0815"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A handoff's database with the newest schema, to be copied."""
    file = tmp_path_factory.mktemp("template") / "handoff.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    database.close()
    with sqlite3.connect(file) as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
    return file


@pytest.fixture
def desk(tmp_path: Path, template: Path) -> Iterator[Desk]:
    """A handoff without its service."""
    desk = Desk(tmp_path / "research", template)
    yield desk
    desk.close()


def announced(home: TrustedHome) -> dict[str, str]:
    announcer = home.announcer()
    try:
        [entry] = home.route(reference(announcer.next(0)))
    finally:
        announcer.close()
    return entry


def delivered(home: TrustedHome, desk: Desk, patient: str = MINE) -> dict[str, str]:
    """One series of a patient that the handoff has, by a receipt."""
    home.seal([ct(generate_uid(), generate_uid(), PatientID=patient)])
    entry = home.treat(announced(home))
    desk.deliver(Body(entry["shipment.id"], Path(entry["package.path"])))  # type: ignore[arg-type]
    home.confirm(entry, home.handoff.accept(entry, "lung"))
    return entry


def withdraw(home: TrustedHome, desk: Desk, project: str | None = None, **client: Any) -> dict[str, Any]:
    facts = {"reason": "consent-withdrawn", "by": "ada", "wait_seconds": 60.0}
    return withdraw_patient(home.place, lambda: Client(desk, **client), MINE, "", project, **facts)  # type: ignore[arg-type, return-value]


def states(home: TrustedHome) -> dict[object, object]:
    return dict(home.rows("SELECT id, state FROM shipments"))


def originals(home: TrustedHome) -> int:
    return len(list(home.place.site.landing.rglob("*.dcm")))


def test_everything_of_a_patient_is_found_ended_and_certified(home: TrustedHome, desk: Desk) -> None:
    """Delivered, batched, trained on; waiting to be sent; held: none of it is used any more."""
    mine, other = delivered(home, desk), delivered(home, desk, OTHER)
    desk.complete()
    batch = desk.form(project="lung")
    run = desk.handoff(batch)
    with desk.database.write() as session:
        facts = {"name": "nodules", "version": 1, "project": "lung", "spec_digest": "", "path": "model", "metrics": {}}
        session.add(ModelVersion(id="nodules:1", handoff_id=run.id, created_at=1.0, **facts))
        note_copy(session, "model", model_uri("nodules:1"), handoff=run.id)
    home.seal([ct(generate_uid(), generate_uid())])
    packaged = home.treat(announced(home))
    home.seal([ct(generate_uid(), generate_uid())])
    waiting = announced(home)

    said = withdraw(home, desk)

    assert said["ended"]
    assert said["found"]["batches"] == [batch]
    assert said["found"]["shipments"] == {"lung": 3}
    assert said["affected_models"] == ["nodules:1"]
    assert said["landing"] == {
        "shipments_closed": 2,
        "packages_removed": 2,
        "originals_removed": 3,
        "results_closed": 0,
        "label_rows_removed": 0,
        "inventory_rows_removed": 0,
        "remains": [{"reason": "accounting", "count": 3}],
    }
    assert states(home) == {
        mine["shipment.id"]: "confirmed",
        other["shipment.id"]: "confirmed",
        packaged["shipment.id"]: "closed",
        waiting["shipment.id"]: "closed",
    }
    assert originals(home) == 1
    assert set(said["subjects"].values()) == {"S-0001"}


def test_the_certificate_is_signed_and_names_no_patient(home: TrustedHome, desk: Desk) -> None:
    delivered(home, desk)
    said = withdraw(home, desk)
    [signed] = (SignedCertificate.model_validate(each) for each in said["handoff"])
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(desk.signer.public_key))
    public.verify(base64.b64decode(signed.signature), signed.certificate.signed_bytes())
    assert MINE not in str(said)


def test_a_package_that_waits_to_be_sent_is_refused_by_the_handoff(home: TrustedHome, desk: Desk) -> None:
    """It lies in InvokeHTTP's queue while the patient withdraws; a copy of the bytes stands for it."""
    home.seal([ct(generate_uid(), generate_uid())])
    entry = home.treat(announced(home))
    queued = Path(shutil.copy(entry["package.path"], home.root / "queued.zip"))
    withdraw(home, desk)
    with pytest.raises(WithdrawnError) as refused:
        desk.deliver(Body(entry["shipment.id"], queued))  # type: ignore[arg-type]
    assert refused.value.status == 410
    assert home.confirm(entry, Answer(410, "")).relationship == "superseded"
    assert states(home) == {entry["shipment.id"]: "closed"}


def test_what_comes_later_is_denied(home: TrustedHome, desk: Desk) -> None:
    withdraw(home, desk)
    home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    assert route(home.place, reference(announcer.next(0)), RELEASE).relationship == "parked"
    announcer.close()
    assert home.rows("SELECT reason FROM deliveries") == [("held:consent-denied",)]


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_it_goes_on_wherever_it_broke_off(home: TrustedHome, desk: Desk, calls: int) -> None:
    delivered(home, desk)
    with pytest.raises(UnreachableError):
        withdraw(home, desk, down_after=calls)
    said = withdraw(home, desk)
    assert said["ended"]
    assert originals(home) == 0
    again = withdraw(home, desk)
    assert [each["certificate"]["id"] for each in again["handoff"]] == [
        each["certificate"]["id"] for each in said["handoff"]
    ]
    assert again["landing"]["originals_removed"] == 0


def test_originals_that_their_sender_was_promised_stay_until_then(home: TrustedHome, desk: Desk) -> None:
    delivered(home, desk)
    [[delivery]] = home.rows("SELECT id FROM deliveries")
    with transaction(home.place.ledger) as ledger:
        promise(ledger, str(delivery), home.clock() + 3 * DAY_SECONDS, home.clock())
    said = withdraw(home, desk)
    [kept] = [each for each in said["landing"]["remains"] if each["reason"] == "promised-to-its-sender"]
    assert (kept["count"], kept["until"]) == (1, "1970-01-15")
    assert originals(home) == 1


def test_another_project_keeps_what_was_withdrawn_from_one(make_home: MakeHome, desk: Desk) -> None:
    rules = """
version: 1
rules:
  - name: all CT
    when: {modality: CT}
    ship:
      - {destination: handoff, project: lung}
      - {destination: handoff, project: liver}
"""
    home = make_home(rules=rules)
    home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    for entry in home.route(reference(announcer.next(0))):
        project = home.rows("SELECT project FROM shipments WHERE id = ?", entry["shipment.id"])[0][0]
        treated = home.treat(entry)
        home.confirm(treated, home.handoff.accept(treated, str(project)))
    announcer.close()
    said = withdraw(home, desk, "lung")
    assert said["found"]["shipments"] == {"lung": 1}
    assert {"reason": "used-by-other-projects", "count": 1} in said["landing"]["remains"]
    assert originals(home) == 1
    assert len(list(home.place.site.landing.rglob("*.zip"))) == 1


def test_what_left_the_other_project_too_is_no_reason_to_keep_originals(make_home: MakeHome, desk: Desk) -> None:
    """From the one project, then from the other: nobody has them any more."""
    ships = [{"destination": "handoff", "project": name} for name in ("lung", "liver")]
    home = make_home(
        rules=json.dumps({"version": 1, "rules": [{"name": "CT", "when": {"modality": "CT"}, "ship": ships}]})
    )
    home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    home.route(reference(announcer.next(0)))
    announcer.close()
    withdraw(home, desk, "lung")
    assert originals(home) == 1
    said = withdraw(home, desk, "liver")
    assert said["landing"]["remains"] == [{"reason": "accounting", "count": 1}]
    assert originals(home) == 0


def test_what_was_joined_with_another_when_it_came_is_found_under_its_own_identity(
    home: TrustedHome, desk: Desk
) -> None:
    """Joined by mistake, and parted again before the patient withdrew."""
    merges = home.root / "merges.yaml"
    merges.write_text(f"patients: [{{keep: {{id: {OTHER}}}, join: [{{id: {MINE}}}]}}]\n")
    delivered(home, desk)
    assert withdraw(home, desk, "liver")["subjects"] == {}
    merges.unlink()
    said = withdraw(home, desk)
    assert said["found"]["deliveries"] == 1
    assert originals(home) == 0


def test_the_certificate_names_the_subject_of_a_joined_identity(home: TrustedHome, desk: Desk) -> None:
    (home.root / "merges.yaml").write_text(f"patients: [{{keep: {{id: {OTHER}}}, join: [{{id: {MINE}}}]}}]\n")
    delivered(home, desk)
    assert withdraw(home, desk)["subjects"] == {"lung": "S-0001"}


def test_what_was_withheld_waits_in_quarantine_no_more(home: TrustedHome, desk: Desk) -> None:
    home.seal([ct(generate_uid(), generate_uid(), Manufacturer="Testperson Imaging")])
    assert treat(home.place, Reference.read(announced(home)), home.pool).relationship == "quarantine"
    assert len(waiting(home.place.ledger)) == 1
    withdraw(home, desk)
    assert waiting(home.place.ledger) == []
    assert originals(home) == 0


def test_a_study_of_two_identities_is_looked_at_itself(home: TrustedHome, desk: Desk) -> None:
    """It came first as another's; what came of this patient under it was held."""
    study = generate_uid()
    home.seal([ct(study, generate_uid(), PatientID=OTHER)])
    announced(home)
    home.seal([ct(study, generate_uid())])
    announcer = home.announcer()
    assert route(home.place, reference(announcer.next(0)), RELEASE).relationship == "parked"
    announcer.close()
    said = withdraw(home, desk)
    assert said["found"]["deliveries"] == 1
    assert originals(home) == 1


def test_the_inventory_forgets_whose_a_value_was(home: TrustedHome, desk: Desk) -> None:
    delivered(home, desk)
    delivered(home, desk, OTHER)
    with closing(Books(home.root / "inventory.db")) as books:
        look(books, home.place.ledger, home.place.layout, "lung", lambda _done, _all: None)
        assert len({patient for patient, _ in books.likenesses("lung")}) == 2
        values = [(each.tag, each.value, each.times) for each in books.values("lung")]

        assert withdraw(home, desk)["landing"]["inventory_rows_removed"] > 0

        assert len({patient for patient, _ in books.likenesses("lung")}) == 1
        assert {each.patients for each in books.values("lung")} <= {0, 1}
        assert [(each.tag, each.value, each.times) for each in books.values("lung")] == values
