"""A provider, and this service's view of it."""

import pytest

from handoff.access.openid.openid import Openid
from handoff.access.openid.remembered import Ages
from handoff.access.openid.settings import OpenidSettings
from tests.unit.openid.signing import AUDIENCE, CLIENT, RULES, FakeProvider


@pytest.fixture
def provider():
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def openid_of(provider):
    """Makes the view; settings may be changed."""
    made = []

    def make(ages: Ages | None = None, **changed) -> Openid:
        facts = {"issuer": provider.issuer, "audience": AUDIENCE, "client_id": CLIENT, "roles": RULES, **changed}
        made.append(Openid(OpenidSettings.model_validate(facts), "https://sluice.example", ages))
        return made[-1]

    yield make
    for openid in made:
        openid.close()


@pytest.fixture
def openid(openid_of):
    return openid_of()
