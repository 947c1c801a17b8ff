"""The release, deployed on the session's NiFi; nothing is sealed in its landing, so it only idles."""

import base64
from collections.abc import Iterator

import pytest

from nifi.releases.deploy import Deployment, deploy
from processors.deid.keys import KeyFile
from tests.end_to_end.nifi.scripted_handoff import ScriptedHandoff


@pytest.fixture(scope="session")
def handoff() -> Iterator[ScriptedHandoff]:
    """What the deployed flows take for the handoff."""
    with ScriptedHandoff() as scripted:
        yield scripted


@pytest.fixture(scope="session")
def parameters(nifi, handoff) -> dict[str, str]:
    """Values of a site."""
    trusted = nifi.home / "trusted"
    trusted.mkdir(exist_ok=True)
    KeyFile.create(trusted / "keys" / "site.key")
    (trusted / "rules.yaml").write_text("version: 1\nrules: [{name: all, ship: [{project: lung}]}]\n")
    return {
        "trusted.home": str(trusted),
        "handoff.url": handoff.url,
        "handoff.token": "not-a-real-token-of-anybody",
        "receipt.public.key": base64.b64encode(bytes(32)).decode(),
    }


@pytest.fixture(scope="session")
def deployed(nifi, nar, parameters) -> Deployment:
    """The release on the session's NiFi."""
    return deploy(nifi.url, parameters, nar)
