"""The release, deployed on the session's NiFi; nothing is sealed in its landing, so it only idles."""

import base64

import pytest

from nifi.releases.deploy import Deployment, deploy


@pytest.fixture(scope="session")
def parameters(nifi) -> dict[str, str]:
    """Values of a site whose handoff does not exist."""
    trusted = nifi.home / "trusted"
    trusted.mkdir(exist_ok=True)
    return {
        "trusted.home": str(trusted),
        "handoff.url": "http://127.0.0.1:9",
        "handoff.token": "not-a-real-token-of-anybody",
        "receipt.public.key": base64.b64encode(bytes(32)).decode(),
    }


@pytest.fixture(scope="session")
def deployed(nifi, nar, parameters) -> Deployment:
    """The release on the session's NiFi."""
    return deploy(nifi.url, parameters, nar)
