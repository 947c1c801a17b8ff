"""What a completed procedure step made reaches each project that its study is for, and only what is new."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from handoff.contract.evidence import Evidence
from handoff.contract.expected import EVIDENCE_MESSAGE
from handoff.contract.performed import PerformedStep
from processors.deid.pseudonyms import pseudonymous_uid
from processors.delivery.announce import Announcer
from processors.landing.performed_steps import State
from processors.ledger import performed_steps
from processors.ledger.performed_steps import NewStep, StepChange
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference

STEP, OTHER_STEP, PEER = "1.2.7", "1.2.8", "ct1"
LATER = "6" * 32


def make(home: TrustedHome, study: str, step: str = STEP) -> None:
    new = NewStep(step, PEER, "a" * 32, study, frozenset())
    assert performed_steps.create(home.place.ledger, new, home.clock()) == "done"


def end(home: TrustedHome, made: Sequence[Dataset] | None, state: State = "COMPLETED", step: str = STEP) -> None:
    uids = None if made is None else frozenset(one.SOPInstanceUID for one in made)
    assert performed_steps.change(home.place.ledger, StepChange(step, PEER, state, uids), home.clock()) == "done"


def told(home: TrustedHome, announcer: Announcer) -> list[PerformedStep]:
    """All that is said of steps once everything that is due has been done; deliveries are treated on the way."""
    said: list[PerformedStep] = []
    while (announced := announcer.next(0)) is not None:
        if announced.kind == "delivery":
            home.deliver(reference(announced))
            continue
        from processors.delivery.evidence import translate

        outcome = translate(home.place, reference(announced))
        for entry in json.loads(outcome.contents or b"[]"):
            body = EVIDENCE_MESSAGE.validate_json(Path(entry["package.path"]).read_bytes())
            said += [body] if isinstance(body, PerformedStep) else []
            assert isinstance(body, PerformedStep | Evidence)
    return said


def pseudonyms(home: TrustedHome, made: Sequence[Dataset]) -> tuple[str, ...]:
    keys = home.place.keys.project("lung")
    return tuple(sorted(pseudonymous_uid(keys, one.SOPInstanceUID) for one in made))


def test_a_completed_step_names_what_it_made_and_nothing_original(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    made = [ct(study, series), ct(study, series), ct(study, series, NumberOfFrames=2)]
    make(home, study)
    end(home, made)
    announcer = home.announcer()
    assert told(home, announcer) == []  # nothing of the study is here, so nobody knows for whom it is
    home.seal(made)
    home.end()
    [message] = told(home, announcer)
    assert message.instances == pseudonyms(home, made[:2])
    assert (message.withheld, message.held, message.elsewhere, message.total) == (1, 0, 0, 3)
    assert message.study_instance_uid == pseudonymous_uid(home.place.keys.project("lung"), study)
    text = message.model_dump_json()
    assert not any(uid in text for uid in (study, series, STEP, *(one.SOPInstanceUID for one in made)))


def test_what_has_not_come_is_named_and_what_became_of_it_is_told_when_it_has(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    made = [ct(study, series), ct(study, generate_uid(), NumberOfFrames=2)]
    make(home, study)
    home.seal(made[:1])
    home.end()
    announcer = home.announcer()
    assert told(home, announcer) == []  # it goes on
    end(home, made)
    [first] = told(home, announcer)
    assert (first.revision, first.instances) == (1, pseudonyms(home, made))
    home.seal([*made[1:], ct(study, made[1].SeriesInstanceUID)], association=LATER)  # one passes, so something leaves
    home.end(association=LATER)
    [second] = told(home, announcer)
    assert (second.step, second.withheld, second.instances) == (first.step, 1, pseudonyms(home, made[:1]))
    assert second.revision > first.revision


def test_what_changes_nothing_is_not_told_again(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    made = [ct(study, series)]
    make(home, study)
    end(home, made)
    announcer = home.announcer()
    home.seal(made)
    home.end()
    assert len(told(home, announcer)) == 1
    home.seal([ct(study, generate_uid())], association=LATER)  # another step's, or nobody's
    home.end(association=LATER)
    assert told(home, announcer) == []


@pytest.mark.parametrize("state", ["DISCONTINUED", None])
def test_a_step_that_was_not_completed_is_no_evidence(home: TrustedHome, state: State | None) -> None:
    study = generate_uid()
    made = [ct(study, generate_uid())]
    make(home, study)
    change = StepChange(STEP, PEER, state, frozenset(one.SOPInstanceUID for one in made))
    performed_steps.change(home.place.ledger, change, home.clock())
    announcer = home.announcer()
    home.seal(made)
    home.end()
    assert told(home, announcer) == []


def test_a_completed_step_waits_for_the_other_steps_of_its_study(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    first, second = [ct(study, series)], [ct(study, series)]
    make(home, study)
    make(home, study, OTHER_STEP)
    end(home, first)
    announcer = home.announcer()
    home.seal([*first, *second])
    home.end()
    assert told(home, announcer) == []
    end(home, second, step=OTHER_STEP)
    assert sorted(one.instances for one in told(home, announcer)) == sorted(
        [pseudonyms(home, first), pseudonyms(home, second)]
    )


def test_an_instance_that_came_as_part_of_another_study_is_not_waited_for(home: TrustedHome) -> None:
    study = generate_uid()
    mine, other = ct(study, generate_uid()), ct(generate_uid(), generate_uid())
    make(home, study)
    end(home, [mine, other])
    announcer = home.announcer()
    home.seal([mine])
    home.seal([other])
    home.end()
    message = told(home, announcer)[-1]
    assert (message.instances, message.elsewhere) == (pseudonyms(home, [mine]), 1)


def test_a_step_of_several_studies_is_no_evidence_of_any(home: TrustedHome) -> None:
    made = [ct(generate_uid(), generate_uid())]
    make(home, "")
    end(home, made)
    announcer = home.announcer()
    home.seal(made)
    home.end()
    assert told(home, announcer) == []
