"""Replicas on one database: what signs in once does so once, and everything else is known everywhere."""

import threading

import pytest

from handoff.access.once import OnceOnly
from handoff.access.principal import Principal
from handoff.access.sessions import Sessions
from handoff.access.tokens import Tokens
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.errors import SignInError
from tests.peers.postgresql import Postgresql

pytestmark = pytest.mark.integration
WHO = Principal("openid:alice", "ml-engineer", frozenset({"lungs"}))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/handoff.db"
        return
    server = Postgresql(folder / "server").start()
    yield server.url(server.database())
    server.stop()


@pytest.fixture(scope="module")
def replicas(url):
    """The database as two services have it."""
    databases = [Database(url), Database(url)]
    upgrade(databases[0])
    yield databases
    for database in databases:
        database.close()


def together(acts) -> list[str]:
    """Do all at one moment; what came of each."""
    gate, outcomes = threading.Barrier(len(acts)), []

    def run(act) -> None:
        gate.wait(100)
        try:
            act()
            outcomes.append("done")
        except SignInError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    return sorted(outcomes)


def test_a_link_that_eight_browsers_open_at_once_signs_one_in(replicas):
    link = OnceOnly(replicas[0]).make_link()
    doors = [OnceOnly(database) for database in replicas * 4]
    outcomes = together([lambda door=door: door.redeem_link(link) for door in doors])
    assert outcomes == ["done"] + ["link-spent"] * 7


def test_a_state_that_comes_eight_times_at_once_signs_in_once(replicas):
    doors = [OnceOnly(database) for database in replicas * 4]
    outcomes = together([lambda door=door: door.spend_state("s" * 43) for door in doors])
    assert outcomes == ["done"] + ["sign-in-replayed"] * 7


def test_a_state_is_no_link_and_a_link_no_state(replicas):
    once = OnceOnly(replicas[0])
    once.spend_state("t" * 43)
    with pytest.raises(SignInError):
        once.redeem_link("t" * 43)


def test_a_session_is_known_and_ended_on_every_replica(replicas):
    here, there = (Sessions(database, Tokens(database), 60) for database in replicas)
    secret = here.open(WHO)
    assert there.find(secret).who == WHO
    assert here.end_all(WHO.name) == 1
    assert there.find(secret) is None


def test_a_session_that_ran_out_is_nobodys_and_is_swept(replicas):
    sessions = Sessions(replicas[0], Tokens(replicas[0]), -1)
    secret = sessions.open(WHO)
    assert sessions.find(secret) is None
    sessions.open(WHO)
    assert Sessions(replicas[0], Tokens(replicas[0]), 60).end_all(WHO.name) == 1
