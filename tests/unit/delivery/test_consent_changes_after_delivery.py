"""Consent changes between the forming of a batch and the run on it: it is found, and a withdrawal stops the run."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydicom.uid import generate_uid

from handoff.contract.withdrawal import SignedCertificate
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import Batch, Handoff
from handoff.errors import BatchError
from processors.consent.commands import consent
from sluice.withdraw import withdraw_patient
from tests.unit.delivery.asked_desk import Body, Client
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference
from tests.unit.withdrawals.desk import Desk

MakeHome = Callable[..., TrustedHome]
MINE, OTHER = "HOSP-4711", "HOSP-0815"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A handoff without its service."""
    file = tmp_path / "handoff.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    database.close()
    with sqlite3.connect(file) as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
    desk = Desk(tmp_path / "research", file)
    yield desk
    desk.close()


@pytest.fixture
def home(make_home: MakeHome) -> TrustedHome:
    """A home that asks a list of consents, in which both are allowed."""
    home = make_home(site="consent: {list: consent.csv}\n")
    say(home, "allow")
    return home


def say(home: TrustedHome, word: str) -> None:
    new = home.root / "new.csv"
    new.write_text(f"patient_id,issuer,project,consent\n{MINE},,lung,{word}\n{OTHER},,lung,allow\n")
    new.rename(home.root / "consent.csv")


def delivered(home: TrustedHome, desk: Desk, patient: str) -> None:
    home.seal([ct(generate_uid(), generate_uid(), PatientID=patient)])
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))
    announcer.close()
    treated = home.treat(entry)
    desk.deliver(Body(treated["shipment.id"], Path(treated["package.path"])))  # type: ignore[arg-type]
    home.confirm(treated, home.handoff.accept(treated, "lung"))


@pytest.fixture
def batch(home: TrustedHome, desk: Desk) -> str:
    """A batch of both patients."""
    delivered(home, desk, MINE)
    delivered(home, desk, OTHER)
    desk.complete()
    return desk.form(project="lung")


def review(home: TrustedHome, *more: str) -> Result:
    around = home.root.with_name(f"{home.root.name}-home")
    around.mkdir(exist_ok=True)
    if not (around / "trusted").is_symlink():
        (around / "trusted").symlink_to(home.root)
    return CliRunner().invoke(consent, ["review", "--home", str(around), *more], catch_exceptions=False)


def withdraw(home: TrustedHome, desk: Desk) -> dict[str, object]:
    facts = {"reason": "consent-withdrawn", "by": "ada", "wait_seconds": 0.0}
    return withdraw_patient(home.place, lambda: Client(desk), MINE, "", "lung", **facts)  # type: ignore[arg-type, return-value]


def test_who_is_denied_since_is_named_by_subject_and_nobody_else(home: TrustedHome, desk: Desk, batch: str) -> None:
    assert (review(home).exit_code, review(home).output) == (0, "")
    say(home, "deny")
    found = review(home, "--json")
    assert found.exit_code == 1
    assert json.loads(found.output) == {"project": "lung", "subject": "S-0001", "shipments": 1}
    assert "sluice withdraw --project lung --subject S-0001" in review(home).output


def test_unknown_is_no_denial_of_what_left_while_it_was_allowed(home: TrustedHome, desk: Desk, batch: str) -> None:
    say(home, "unknown")
    assert review(home).exit_code == 0


def test_a_list_alone_takes_nothing_back_and_a_withdrawal_stops_what_was_not_sent(
    home: TrustedHome, desk: Desk, batch: str
) -> None:
    """The batch was formed, a run on it decided and not sent; then the patient is denied, and a person withdraws."""
    run = desk.handoff(batch, state="READY", project="lung")
    say(home, "deny")
    assert desk.get(Batch, batch).withdrawn_by is None

    withdraw(home, desk)

    assert desk.get(Batch, batch).withdrawn_by is not None
    assert desk.get(Handoff, run.id).cancel_asked or desk.get(Handoff, run.id).state == "CANCELED"
    other = desk.form(project="lung")
    assert (other != batch, desk.get(Batch, other).instances) == (True, 1)
    assert review(home).exit_code == 0


def test_content_that_was_withdrawn_makes_no_batch_again(home: TrustedHome, desk: Desk) -> None:
    delivered(home, desk, MINE)
    desk.complete()
    desk.form(project="lung")
    withdraw(home, desk)
    with pytest.raises(BatchError):
        desk.form(project="lung")


def test_the_certificate_names_the_batch(home: TrustedHome, desk: Desk, batch: str) -> None:
    said = withdraw(home, desk)
    [signed] = (SignedCertificate.model_validate(each) for each in said["handoff"])  # type: ignore[attr-defined]
    assert signed.certificate.batches == (batch,)
