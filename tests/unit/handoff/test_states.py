"""The table of states."""

import pytest

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import Handoff
from handoff.handoffs.states import ENDED, TRANSITIONS, State, TransitionError, transition


def test_every_state_has_its_row_and_every_ended_state_is_final():
    assert set(TRANSITIONS) == set(State)
    assert {state for state, after in TRANSITIONS.items() if not after} == ENDED


def test_every_state_can_be_reached_from_accepted():
    reached, waiting = {State.ACCEPTED}, [State.ACCEPTED]
    while waiting:
        new = TRANSITIONS[waiting.pop()] - reached
        reached |= new
        waiting += new
    assert reached == set(State)


def test_success_follows_only_from_a_run_that_the_engine_had():
    assert {s for s, after in TRANSITIONS.items() if State.SUCCEEDED in after} == {State.SUBMITTED, State.RUNNING}


def test_a_transition_that_the_table_lacks_is_a_bug_and_changes_nothing(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/handoff.db")
    upgrade(database)
    handoff = Handoff(id="a" * 32, key="b" * 64, kind="prepare", state="ACCEPTED")
    with database.read() as session, pytest.raises(TransitionError, match="ACCEPTED is not followed by SUCCEEDED"):
        transition(session, handoff, State.SUCCEEDED)
    assert handoff.state == "ACCEPTED"
    database.close()
