"""Each occasion of a rule becomes one firing: a batch, prepared first, and then what follows."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from handoff.contract.labels import Labels
from handoff.database.tables import Handoff, LabelDocument, LabelRowRecord, LineageEvent
from handoff.handoffs.states import State
from handoff.lineage.trace import trace
from handoff.rules.occasions import labels_came, record
from tests.unit.rules.site import rule


def test_a_complete_study_is_prepared_and_trained_on_once_it_is_prepared(site):
    here = site(each=rule("study"))
    here.close_study("1.1")
    here.look()
    assert (here.runs(), here.firings()) == ({"prepare": 1}, [("preparing", "preparing")])
    here.end_runs()
    here.look()
    assert (here.runs(), here.firings()) == ({"prepare": 1, "train": 1}, [("fired", None)])
    here.look()
    assert here.runs() == {"prepare": 1, "train": 1}


def test_the_log_of_lineage_says_which_rule_started_what_and_not_when(site):
    here = site(nightly=rule("schedule", cron="0 2 * * *"))
    here.close_study("1.1")
    here.look()
    here.now += 86_400
    here.look()
    here.end_runs()
    here.look()
    with here.database.read() as session:
        fired = session.scalars(select(LineageEvent).where(LineageEvent.event == "rule-fired")).all()
        runs = session.scalars(select(Handoff).order_by(Handoff.created_at)).all()
        trained = trace(session, runs[1].id)
    (firing,) = {event.subject for event in fired}
    assert firing.startswith("firing:")
    said = {"project": "lungs", "rule": "nightly", "occasion": "at", "already_ran": False, "batch": runs[0].batch_id}
    assert [event.facts for event in fired] == [{**said, "handoff": run.id} for run in runs]
    assert {node.facts.get("rule") for node in trained.nodes if node.kind == "handoff"} == {"nightly"}


def test_what_had_run_before_is_said_to_have(site):
    here = site(one=rule("studies", count=1, then=None), two=rule("studies", count=1, then=None))
    here.close_study("1.1")
    here.look()
    with here.database.read() as session:
        fired = session.scalars(select(LineageEvent).where(LineageEvent.event == "rule-fired")).all()
    assert [event.facts["already_ran"] for event in fired] == [False, True]
    assert len({event.facts["handoff"] for event in fired}) == 1


def test_a_late_instance_lets_only_the_study_that_changed_run_again(site):
    here = site(each=rule("study"))
    here.close_study("1.1")
    here.close_study("1.2")
    here.look()
    here.end_runs()
    here.look()
    here.close_study("1.2")
    here.look()
    here.end_runs()
    here.look()
    assert here.runs() == {"prepare": 3, "train": 3}
    assert here.firings() == [("fired", None)] * 3


def test_a_version_that_is_overtaken_before_it_ran_is_left_to_the_next(site):
    here = site(each=rule("study"))
    here.close_study("1.1")
    here.close_study("1.1")
    here.look()
    assert here.firings() == [("skipped", "newer-version"), ("preparing", "preparing")]
    assert here.runs() == {"prepare": 1}


def test_a_version_that_a_withdrawal_made_is_no_occasion_so_the_one_before_it_still_counts(site):
    here = site(each=rule("study"))
    here.close_study("1.1")
    here.close_study("1.1")
    here.withdraw_first("1.1")
    here.look()
    assert here.firings() == [("skipped", "newer-version"), ("preparing", "preparing")]
    assert here.runs() == {"prepare": 1}


def test_preparing_that_a_person_had_run_again_twice_is_gone_on_with(site):
    here = site(each=rule("study"))
    here.close_study("1.1")
    here.look()
    here.end_runs(State.FAILED)
    here.run_again()
    here.end_runs(State.FAILED)
    here.run_again()
    here.end_runs()
    here.look()
    assert (here.firings(), here.runs()) == ([("fired", None)], {"prepare": 3, "train": 1})


def test_a_study_that_is_open_again_is_waited_for(site):
    here = site(each=rule("study"))
    here.close_study("1.1")
    here.reopen("1.1")
    here.look()
    assert here.firings() == [("waiting", "study-open")]
    here.close_study("1.1")
    here.now += 2
    here.look()
    assert here.firings() == [("skipped", "newer-version"), ("preparing", "preparing")]


def test_a_rule_without_a_second_step_prepares_and_is_done(site):
    here = site(each=rule("study", then=None))
    here.close_study("1.1")
    here.look()
    assert (here.runs(), here.firings()) == ({"prepare": 1}, [("fired", None)])


def test_two_rules_of_one_wish_make_one_run(site):
    """The second finds what the first started: the decision is the same."""
    here = site(first=rule("study"), second=rule("study"))
    here.close_study("1.1")
    here.look()
    here.end_runs()
    here.look()
    assert here.runs() == {"prepare": 1, "train": 1}
    assert here.firings() == [("fired", None), ("fired", "already-ran")]


def test_what_a_rule_does_not_select_is_skipped_with_its_reason(site):
    here = site(each=rule("study", select="annotated"))
    here.close_study("1.1")
    here.look()
    assert (here.runs(), here.firings()) == ({}, [("skipped", "not-selected")])


def test_so_many_new_studies_make_one_batch_and_a_study_counts_once(site):
    here = site(three=rule("studies", count=3))
    for uid in ("1.1", "1.2", "1.2"):
        here.close_study(uid)
        here.look()
    assert (here.runs(), here.firings()) == ({}, [("counted", None)] * 3)
    here.close_study("1.3")
    here.look()
    assert here.runs() == {"prepare": 1}
    assert here.firings() == [("taken", None)] * 4 + [("preparing", "preparing")]
    here.close_study("1.4")
    here.look()
    assert here.runs() == {"prepare": 1}


def test_a_failed_preparing_is_shown_and_goes_on_when_a_person_has_it_run_again(site):
    here = site(each=rule("study"))
    here.close_study("1.1")
    here.look()
    here.end_runs(State.FAILED)
    here.look()
    assert (here.runs(), here.firings()) == ({"prepare": 1}, [("preparing", "preparing-failed")])
    rerun_succeeds(here)
    here.look()
    assert (here.runs(), here.firings()) == ({"prepare": 2, "train": 1}, [("fired", None)])


def test_what_follows_uses_the_volumes_of_its_own_preparing(site):
    """A person prepared the same batch in another way meanwhile, and that was done later."""
    here = site(each=rule("study"))
    here.close_study("1.1")
    here.look()
    here.end_runs()
    rerun_succeeds(here, again=False)
    here.look()
    with here.database.read() as session:
        mine = session.scalars(
            select(Handoff.id).where(Handoff.asked_by == "rule:each", Handoff.kind == "prepare")
        ).one()
        assert session.scalars(select(Handoff.prepared_by).where(Handoff.kind == "train")).one() == mine


def rerun_succeeds(here, *, again: bool = True) -> None:
    """A person asks for the same again, or for something like it, and that succeeds."""
    with here.database.write() as session:
        failed = session.scalars(select(Handoff)).one()
        facts = {name: getattr(failed, name) for name in ("kind", "project", "batch_id", "target", "pipeline_id")}
        more = {
            "id": "f" * 32,
            "key": "f" * 64,
            "rerun_of": failed.id if again else None,
            "parameters": {},
            "created_at": here.now,
        }
        session.add(Handoff(**facts, **more, state=State.SUCCEEDED, ended_at=here.now))
    here.now += 120


def test_what_a_person_must_mend_first_is_tried_until_it_is(site):
    here = site(each=rule("study", then={"kind": "infer", "pipeline": "train", "model": "unet@champion"}))
    here.close_study("1.1")
    here.look()
    here.end_runs()
    here.look()
    assert here.firings() == [("preparing", "alias-unknown")]


def test_a_rule_that_was_taken_away_starts_nothing_more(site):
    here = site(each=rule("study"))
    here.close_study("1.1")
    del here.settings.projects["lungs"].rules["each"]
    here.look()
    assert (here.runs(), here.firings()) == ({}, [("skipped", "rule-gone")])


def test_studies_beyond_the_most_of_a_day_wait_for_the_next(site):
    here = site(each=rule("study", at_most_per_day=2))
    for uid in ("1.1", "1.2", "1.3"):
        here.close_study(uid)
    here.look()
    assert here.firings()[2] == ("waiting", "daily-limit")
    here.now += 3600
    here.look()
    assert here.runs() == {"prepare": 2}
    here.now += 86_400
    here.look()
    assert here.runs() == {"prepare": 3}


def test_the_limit_of_a_day_outlives_a_clock_that_is_put_back(site):
    """Put back by a week: neither is the limit forgotten, nor does the rule stop for a week."""
    here = site(each=rule("study", at_most_per_day=1))
    here.close_study("1.1")
    here.look()
    here.now -= 3600
    here.close_study("1.2")
    here.look()
    assert here.runs() == {"prepare": 1}
    here.now -= 7 * 86_400
    here.look()
    assert here.runs() == {"prepare": 2}


def test_a_study_without_a_label_sleeps_until_one_comes(site):
    here = site(each=rule("study", select="labelled"))
    here.close_study("1.1")
    here.look()
    assert here.firings() == [("asleep", "no-label-yet")]
    here.now += 86_400
    label(here, "1.2")
    here.look()
    assert here.firings() == [("asleep", "no-label-yet")]
    label(here, "1.1")
    here.look()
    assert here.runs() == {"prepare": 1}


def label(here, study: str) -> None:
    """A document with one label of a study."""
    rows = [{"level": "study", "patient": f"P{study}", "study": study, "labels": {"grade": 2}}]
    said = Labels.model_validate(
        {
            "labels_id": study.replace(".", "").ljust(32, "0"),
            "project": "lungs",
            "source": "a",
            "revision": 1,
            "rows": rows,
        }
    )
    facts = {"project": "lungs", "source": "a", "revision": 1}
    with here.database.write() as session:
        known = {"rows": 1, "sha256": "", "size": 1, "receipt": {}, "received_at": 0.0}
        session.add(LabelDocument(id=said.labels_id, **facts, **known))
        session.flush()
        row = {"level": "study", "patient": f"P{study}", "study_uid": study, "labels": {"grade": 2}}
        session.add(LabelRowRecord(document_id=said.labels_id, **facts, **row))
        labels_came(session, "lungs", here.now)


class SlowForming:
    """Forming that outlasts its lease: meanwhile a study comes, and another replica does the whole firing."""

    def __init__(self, here, real) -> None:
        self.here = here
        self.real = real

    def form(self, request):
        formed = self.real.form(request)
        self.here.now += 121
        self.here.close_study("1.9")
        self.here.look()
        return formed


def test_a_batch_that_comes_after_another_replicas_batch_starts_nothing(site):
    here = site(retrain=rule("drift", then=None))
    here.close_study("1.1")
    with here.database.write() as session:
        record(session, "lungs", "retrain", occasion="signal:1", now=here.now)
    slow = here.keeper()
    slow.deciding = replace(slow.deciding, forming=SlowForming(here, slow.deciding.forming))
    here.look(slow)
    assert (here.runs(), here.firings()) == ({"prepare": 1}, [("fired", None)])


@pytest.mark.parametrize("lease", ["of a worker that is gone", "of a clock that was put back"])
def test_a_firing_that_somebody_took_up_and_left_is_taken_up_again(site, lease):
    here = site(each=rule("study"))
    here.close_study("1.1")
    assert here.keeper()._claim(here.now) is not None
    here.look()
    assert here.runs() == {}
    here.now += 121 if "gone" in lease else -86_400
    here.look()
    assert here.runs() == {"prepare": 1}
