"""How often the provider is asked: keys rotate, forged tokens come in floods, providers go away."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from handoff.access.openid.remembered import Ages, Remembered
from handoff.errors import OpenidDownError, UnauthorizedError
from tests.unit.openid.signing import OTHER_RSA, RSA, claims, published, signed

KEYS = "/realm/keys"


class Clock:
    """Time that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """A value that can fail to come."""

    def __init__(self) -> None:
        self.value: str | None = "first"
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.value is None:
            raise OpenidDownError
        return self.value


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def remembered(source, clock):
    return Remembered(source, Ages(fresh=300, stale=3600, pause=10), clock)


def test_a_fresh_value_is_not_asked_for_again(remembered, source, clock):
    remembered.get()
    clock.now += 299
    assert remembered.get() == "first"
    assert source.asked == 1


def test_an_old_value_is_replaced(remembered, source, clock):
    remembered.get()
    source.value = "second"
    clock.now += 301
    assert remembered.get() == "second"


def test_a_silent_server_costs_nothing_until_its_value_is_stale(remembered, source, clock):
    remembered.get()
    source.value = None
    clock.now += 3599
    assert remembered.get() == "first"
    clock.now += 11
    with pytest.raises(OpenidDownError):
        remembered.get()


def test_a_silent_server_is_asked_once_per_pause(remembered, source, clock):
    source.value = None
    for _ in range(50):
        with pytest.raises(OpenidDownError):
            remembered.get()
    assert source.asked == 1
    source.value = "back"
    clock.now += 11
    assert remembered.get() == "back"


def test_asking_again_holds_the_pause(remembered, source, clock):
    remembered.get()
    clock.now += 11
    for _ in range(50):
        remembered.again()
    assert source.asked == 2


def test_many_at_once_ask_once_and_all_get_the_value():
    gate, asked = threading.Event(), []

    def fetch() -> str:
        asked.append(1)
        gate.wait(100)
        return "value"

    remembered = Remembered(fetch, Ages())
    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(remembered.get) for _ in range(6)]
        gate.set()
        assert {future.result() for future in futures} == {"value"}
    assert len(asked) == 1


def test_only_some_wait_for_a_silent_server_and_the_rest_are_answered_at_once():
    """Else a flood of forged tokens would hold every thread of the service while the provider is slow."""
    gate, started = threading.Event(), threading.Event()

    def fetch() -> str:
        started.set()
        gate.wait(100)
        return "value"

    remembered = Remembered(fetch, Ages(pause=0))
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(remembered.get) for _ in range(8)]
        started.wait(60)
        while remembered._waiting._value:  # until all eight wait
            pass
        with pytest.raises(OpenidDownError):
            remembered.get()
        gate.set()
        assert all(future.result() == "value" for future in waiting)


def test_a_new_key_is_found_when_its_first_token_comes(openid_of, provider):
    openid = openid_of(Ages(pause=0))
    openid.find(signed(claims(provider.issuer)))
    provider.keys = [published(RSA), published(OTHER_RSA, "two")]
    openid.find(signed(claims(provider.issuer), OTHER_RSA, key_id="two"))
    openid.find(signed(claims(provider.issuer)))
    assert provider.asked[KEYS] == 2


def test_a_withdrawn_key_is_forgotten_with_the_next_look(openid_of, provider):
    openid = openid_of(Ages(fresh=0, pause=0))
    token = signed(claims(provider.issuer))
    openid.find(token)
    provider.keys = [published(OTHER_RSA, "two")]
    with pytest.raises(UnauthorizedError):
        openid.find(token)


def test_a_flood_of_unknown_key_ids_asks_the_provider_once(openid, provider):
    openid.find(signed(claims(provider.issuer)))
    for number in range(100):
        with pytest.raises(UnauthorizedError):
            openid.find(signed(claims(provider.issuer), OTHER_RSA, key_id=f"forged-{number}"))
    assert provider.asked[KEYS] == 1
    openid.find(signed(claims(provider.issuer)))


def test_known_keys_are_believed_while_the_provider_is_down(openid_of, provider):
    openid = openid_of(Ages(fresh=0, pause=0))
    openid.find(signed(claims(provider.issuer)))
    provider.down = True
    assert openid.find(signed(claims(provider.issuer))).name == "openid:u-1"
