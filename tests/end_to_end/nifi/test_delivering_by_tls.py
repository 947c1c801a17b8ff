"""Deliveries go to the handoff that the site's authority vouches for, and wait before any other."""

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from handoff.access.tls import TlsFiles, server_context
from nifi.releases.deploy import deploy
from nifi.releases.groups import require_parent
from nifi.releases.status import status_of
from nifi.rest import NiFi, wait_for
from tests.certificates import TestAuthority
from tests.end_to_end.nifi.scripted_handoff import SHIPMENT, ScriptedHandoff

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> TestAuthority:
    return TestAuthority.new(tmp_path_factory.mktemp("site"), "site")


@pytest.fixture
def pinned(deployed, nifi, nar, parameters):
    """Deploy with these parameters of TLS, by the files that hold them; afterwards everything is as before."""

    def deploy_with(url: str, **files: Path) -> None:
        given = {f"handoff.{name.replace('_', '.')}": file.read_text() for name, file in files.items()}
        deploy(nifi.url, parameters | {"handoff.url": url} | given, nar)

    yield deploy_with
    deploy(nifi.url, parameters, nar)


@contextlib.contextmanager
def handoff_of(site: TestAuthority, *, asks_for_certificate: bool) -> Iterator[ScriptedHandoff]:
    """A handoff that speaks TLS as the service does."""
    certificate, key = site.issue("handoff")
    tls = server_context(TlsFiles(certificate, key, site.file if asks_for_certificate else None))
    with ScriptedHandoff(tls=tls, script=[409]) as handoff:
        yield handoff


def failures(url: str) -> set[tuple[int, str]]:
    """What NiFi said of each delivery that no TLS came about for."""
    with NiFi(url) as api:
        board = api.get("/flow/bulletin-board", sourceName="PUT to the handoff")["bulletinBoard"]
    told = [(entry["id"], entry["bulletin"]["message"]) for entry in board["bulletins"]]
    # Who answers a client that shows no certificate may have hung up while the client still writes.
    return {(number, message) for number, message in told if "SSL" in message or "SocketException" in message}


def waiting(url: str) -> int:
    """Deliveries; what polls for results waits in a group of its own."""
    return sum(queue.count for queue in status_of(url).queues if queue.group in {"Sluice", "deliver"})


def test_what_no_trusted_handoff_takes_waits_and_the_trusted_one_gets_it(site, send, pinned, nifi, tmp_path):
    """One shipment before three handoffs: of another authority than ours, one that does not know us, and ours."""
    stranger = TestAuthority.new(tmp_path, "stranger")
    certificate, key = site.issue("nifi")
    ours = {"client_certificate": certificate, "client_key": key}
    before: list[tuple[bool, dict[str, Path]]] = [
        (False, {"ca": stranger.file, **ours}),
        (True, {"ca": site.file}),
    ]
    content = None
    for asks, files in before:
        with handoff_of(site, asks_for_certificate=asks) as handoff:
            pinned(handoff.url, **files)
            known = failures(nifi.url)
            content = content or send()
            wait_for("try it", lambda known=known: failures(nifi.url) - known)
            assert handoff.requests.empty()
            wait_for("wait for a handoff that can be trusted", lambda: waiting(nifi.url) == 1)
    with handoff_of(site, asks_for_certificate=True) as handoff:
        pinned(handoff.url, ca=site.file, **ours)
        request = handoff.requests.get(timeout=180)
        assert (request.path, request.body) == (f"/v1/shipments/{SHIPMENT}", content)
        wait_for("empty the queues", lambda: waiting(nifi.url) == 0)


def test_the_key_is_told_to_nobody(site, pinned, nifi):
    certificate, key = site.issue("nifi")
    pinned("https://127.0.0.1:9", ca=site.file, client_certificate=certificate, client_key=key)
    secret = key.read_text().splitlines()[1]
    with NiFi(nifi.url) as api:
        parent = require_parent(api, "Sluice")
        seen = str([api.get(f"/process-groups/{parent.id}/download"), api.get("/flow/parameter-contexts")])
    assert site.file.read_text().splitlines()[1] in seen, "an authority's certificate is no secret"
    assert secret not in seen
    assert secret not in gzip.decompress((nifi.home / "nifi/conf/flow.json.gz").read_bytes()).decode()
