"""A provider, a handoff that believes it, and browsers."""

import pytest

from tests.integration.openid.site import Site
from tests.peers.openid import OpenidProvider


@pytest.fixture(scope="session")
def provider(tmp_path_factory):
    provider = OpenidProvider(tmp_path_factory.mktemp("openid")).start()
    provider.user("alice", groups=["imaging"], name="Alice")
    provider.user("root", groups=["admins"])
    provider.user("nobody", groups=["choir"])
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def site(tmp_path_factory, provider):
    with Site(tmp_path_factory.mktemp("home"), provider.issuer) as site:
        yield site


@pytest.fixture
def browser(site):
    with site.browser() as browser:
        yield browser
