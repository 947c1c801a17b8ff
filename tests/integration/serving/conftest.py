"""A prepared batch, and a server of one model for the tests that leave it alone."""

import os

import pytest

from tests.integration.serving.served import make_material, serving


@pytest.fixture(scope="session")
def material(tmp_path_factory):
    return make_material(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="session")
def server(material):
    with serving(material) as server:
        yield server


@pytest.fixture
def blocked(tmp_path):
    """A batch of its own whose first package does not open before the test lets it, and its server."""
    material = make_material(tmp_path)
    package = tmp_path / "research/store/packages/0.zip"
    aside = package.rename(package.with_suffix(".aside"))
    os.mkfifo(package)

    def release() -> None:
        """Put the real package back, and let who waits for the pipe read nothing."""
        aside.rename(tmp_path / "again.zip")
        pipe = os.open(package, os.O_RDWR | os.O_NONBLOCK)
        (tmp_path / "again.zip").rename(package)
        os.close(pipe)

    (tmp_path / "token").write_text("t" * 32 + "\n")
    with serving(material, "--waiting", "1", "--token-file", str(tmp_path / "token")) as server:
        server.token = tmp_path / "token"
        server.authorize("t" * 32)
        server.release = release
        yield server
