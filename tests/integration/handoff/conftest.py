"""A compiled toy pipeline, running services, and the servers that they keep their state in."""

import pytest

from tests.integration.handoff.backings import BACKINGS, Backing, migrated, with_bucket, with_database
from tests.integration.handoff.running import CODE, compile_toy, running
from tests.peers.postgresql import Postgresql
from tests.peers.versitygw import Versitygw


@pytest.fixture(scope="session")
def toy_yaml(tmp_path_factory):
    return compile_toy(tmp_path_factory.mktemp("toy") / "toy.yaml")


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory):
    server = Postgresql(tmp_path_factory.mktemp("postgresql") / "server").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(postgresql):
    """A database with the newest schema, to be copied."""
    return migrated(postgresql)


@pytest.fixture(scope="session")
def gateway(tmp_path_factory):
    server = Versitygw(tmp_path_factory.mktemp("s3")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module", params=BACKINGS)
def backing(request):
    """Each database and each store; what a module's services share."""
    return make_backing(request)


@pytest.fixture(params=BACKINGS)
def fresh_backing(request):
    """Each database and each store, for one test alone."""
    return make_backing(request)


def make_backing(request) -> Backing:
    """The backing that a fixture's parameter names, with a database and a prefix of its own."""
    settings = {}
    if "postgresql" in request.param:
        server, template = request.getfixturevalue("postgresql"), request.getfixturevalue("template")
        settings |= with_database(server, template)
    if "s3" in request.param:
        settings |= with_bucket(request.getfixturevalue("gateway"))
    return Backing(request.param, settings)


@pytest.fixture(scope="module")
def service(tmp_path_factory, backing):
    """A service without a worker, shared by the tests of a module."""
    with running(tmp_path_factory.mktemp("home"), settings=backing.settings) as service:
        yield service


@pytest.fixture(scope="module")
def working(tmp_path_factory, toy_yaml, backing):
    """A service with its worker and the toy pipeline."""
    with running(tmp_path_factory.mktemp("home"), worker=True, settings=backing.settings) as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        yield service
