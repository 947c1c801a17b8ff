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


@pytest.fixture(scope="session")
def blockable(tmp_path_factory):
    """A server with a token, where one run may wait, and a batch of its own; tests kill it and start it again."""
    folder = tmp_path_factory.mktemp("blocked")
    (folder / "token").write_text("t" * 32 + "\n")
    material = make_material(folder)
    with serving(material, "--waiting", "1", "--token-file", str(folder / "token")) as server:
        server.token = folder / "token"
        yield server


@pytest.fixture
def blocked(blockable):
    """That server, whose batch has a first package that does not open before the test lets it."""
    if blockable.process.poll() is not None:
        blockable.start()
    blockable.authorize("t" * 32)
    package = blockable.material.home / "research/store/packages/0.zip"
    aside = package.rename(package.with_suffix(".aside"))
    os.mkfifo(package)

    def release() -> None:
        """Put the real package back, and let who waits for the pipe read nothing."""
        if aside.exists():
            pipe = os.open(package, os.O_RDWR | os.O_NONBLOCK)
            aside.rename(package)
            os.close(pipe)

    blockable.release = release
    yield blockable
    release()
