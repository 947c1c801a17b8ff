"""When studies are looked at, whatever the clock does; and what a person's word settles."""

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from handoff.contract.evidence import Evidence
from handoff.database.tables import EvidenceMessage, Shipment, Study
from handoff.errors import ConflictError
from handoff.settings import ProjectRules
from handoff.studies.close import close_due
from handoff.studies.force import Force, close_by_force
from tests.unit.rules.site import rule


@pytest.fixture
def waiting(site):
    """A study that was released, is complete but for the quiet time, and a rule for it."""
    here = site(each=rule("study", then=None))
    here.close_study("1.1")
    with here.database.write() as session:
        study = session.scalars(select(Study)).one()
        study.state, study.last_arrival_at, study.due_at = "open", here.now, here.now + 60
        study.content = None
        say(session, study, "e" * 32, here.now)
    return here


def say(session, study: Study, name: str, now: float, body=None) -> None:
    facts = {"evidence_id": name, "project": "lungs", "study_instance_uid": "1.1", "ending": "released", "total": 0}
    said = Evidence.model_validate(facts).plain() if body is None else body
    rest = {"sha256": "", "size": 1, "receipt": {}, "received_at": now}
    session.add(EvidenceMessage(id=name, study_id=study.id, body=said, **rest))


def state(here, later: float = 0.0) -> tuple[str, str | None]:
    here.now += later
    with here.database.write() as session:
        close_due(session, here.settings, here.now)
        study = session.scalars(select(Study)).one()
        return study.state, study.waiting_for


def force(here) -> None:
    with here.database.write() as session:
        close_by_force(session, here.settings, Force("lungs", "1.1", "a person", "a reason"), here.now)


def announce_all(here) -> None:
    """Evidence that announces the shipment that is here."""
    with here.database.write() as session:
        message = session.scalars(select(EvidenceMessage)).one()
        shipment = session.scalars(select(Shipment)).one()
        announced = {"id": shipment.id, "delivered": 1, "withheld": 0}
        message.body = {**message.body, "shipments": [announced], "total": 1}


@pytest.mark.parametrize("jump", [-3600.0, -365 * 86_400.0])
def test_a_clock_that_is_put_back_keeps_no_study_open_beyond_its_quiet_time(waiting, jump):
    announce_all(waiting)
    state(waiting, jump)
    assert state(waiting, 30)[0] == "open"
    assert state(waiting, 31) == ("complete", None)


def test_a_clock_that_jumps_ahead_closes_a_study_early_and_late_instances_make_the_next_version(waiting):
    announce_all(waiting)
    assert state(waiting, 365 * 86_400) == ("complete", None)
    waiting.look()
    waiting.now -= 365 * 86_400
    waiting.close_study("1.1")
    waiting.look()
    assert waiting.runs() == {"prepare": 2}


def test_a_forced_study_fires_its_rules_as_any_other(waiting):
    assert state(waiting, 61) == ("open", "no-evidence")
    force(waiting)
    waiting.look()
    assert waiting.runs() == {"prepare": 1}
    with pytest.raises(ConflictError):
        force(waiting)


def test_evidence_that_cannot_be_read_holds_a_study_up_until_a_person_settles_it(waiting):
    announce_all(waiting)
    with waiting.database.write() as session:
        say(session, session.scalars(select(Study)).one(), "f" * 32, waiting.now, body={"schema": "sluice.evidence/9"})
    assert state(waiting, 61) == ("open", "evidence-unreadable")
    force(waiting)
    with waiting.database.write() as session:
        study = session.scalars(select(Study)).one()
        study.state, study.due_at = "open", waiting.now
    assert state(waiting, 61) == ("complete", None)


def test_quiet_times_have_no_negative_length():
    with pytest.raises(ValidationError):
        ProjectRules(commitment_quiet_seconds=-1)


def test_a_study_that_opens_and_closes_without_a_change_fires_nothing_again(waiting):
    announce_all(waiting)
    state(waiting, 61)
    waiting.look()
    with waiting.database.write() as session:
        study = session.scalars(select(Study)).one()
        study.state, study.due_at = "open", waiting.now
    assert state(waiting, 61) == ("complete", None)
    before = waiting.firings()
    waiting.look()
    assert (waiting.firings(), waiting.runs()) == (before, {"prepare": 1})
