"""Each service of docker-compose.yml by its very command line, on the file's own networks, as the file's own user."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice.site_secrets import make_secrets
from tests.compose_host import ComposeHost, Image
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
SERVICES = ("receiver", "pacs", "modality", "flows", "door", "handoff", "worker", "database", "s3")


def _postgres() -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert found, "PostgreSQL is missing: apt-get install postgresql"
    return str(found[-1])


@pytest.fixture(scope="module")
def host(
    our_images: dict[str, Image], s3_gateway: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComposeHost]:
    """Everything but NiFi and Registry, whose images' start scripts are not to be had without an engine."""
    folder = tmp_path_factory.mktemp("compose")
    make_secrets(folder / "secrets")
    data = "/var/lib/postgresql/data"
    settings = ("-c", "listen_addresses=*", "-c", "unix_socket_directories=/tmp")
    path = {"PATH": f"{_postgres()}:{s3_gateway.parent}:/usr/local/bin:/usr/sbin:/usr/bin:/bin"}
    images = our_images | {
        "postgres": Image(("postgres", "-D", data, *settings), path),
        "versity/versitygw": Image((), path, (s3_gateway.parent,)),
        "haproxy": Image(),
        "jodogne/orthanc": Image(("Orthanc",)),
    }
    with ComposeHost(folder, folder / "secrets", images, of=SERVICES) as made:
        _prepare_database(made, data)
        for name in ("s3", "pacs", "door", "receiver", "handoff"):
            made.start(name)
        wait_for(lambda: made.healthy("handoff"), seconds=200)
        assert not made.healthy("worker"), "nobody works yet, and the handoff says so"
        made.start("worker")
        wait_for(lambda: made.healthy("receiver"), seconds=200)
        yield made


def _prepare_database(host: ComposeHost, data: str) -> None:
    """What the image's entry point does on its first start."""
    password = "/run/secrets/postgres-password"
    made = host.run(
        "database", ["initdb", "-D", data, "--username=sluice", f"--pwfile={password}", "--auth=scram-sha-256"]
    )
    assert made.returncode == 0, made.stderr
    with (host.volume("database") / "pg_hba.conf").open("a") as file:
        file.write("host all all all scram-sha-256\n")
    host.start("database")
    create = f"PGPASSWORD=$(cat {password}) createdb --host=127.0.0.1 --username=sluice sluice"
    wait_for(lambda: host.run("database", ["/bin/sh", "-c", create]).returncode == 0, seconds=200)


def _connects(host: ComposeHost, name: str, to: str, port: int) -> bool:
    probe = f"import socket; socket.create_connection(({to!r}, {port}), timeout=20)"
    return host.run(name, ["python3", "-c", probe]).returncode == 0


def test_every_health_check_passes(host: ComposeHost):
    wait_for(lambda: host.healthy("worker"), seconds=120)
    for name in ("receiver", "handoff", "database"):
        assert host.healthy(name), host.log(name).read_text()[-2000:]


def test_a_simulated_modality_is_acknowledged(host: ComposeHost):
    command = host.service("modality")["command"]
    few = [*command[: command.index("--studies")], "--studies", "1"]
    done = host.run("modality", [*host._image("modality").entrypoint, *few])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "49 of 49 acknowledged" in done.stdout
    assert list(host.volume("trusted").glob("landing/**/delivery.json"))


def test_the_receiver_reaches_the_pacs_by_the_name_in_peers_yaml(host: ComposeHost):
    assert host.run("receiver", ["sluice", "peers", "echo", "pacs"]).returncode == 0


def test_the_trusted_zone_delivers_through_the_door(host: ComposeHost):
    """A body without a token is refused by the handoff, not by the door."""
    for path in ("shipments/{}", "evidence/{}", "labels/{}", "results/objects/{}/acknowledgement"):
        assert _ask(host, "PUT", "/v1/" + path.format("0" * 32)) == 401


def test_the_trusted_zone_polls_results_through_the_door(host: ComposeHost):
    assert _ask(host, "GET", "/v1/results/objects?limit=100") == 401
    assert _ask(host, "GET", "/v1/results/objects/" + "0" * 32) == 401


def test_the_door_lets_nothing_else_of_the_api_through(host: ComposeHost):
    assert _ask(host, "PUT", "/v1/handoffs") == 403
    assert _ask(host, "PUT", "/metrics") == 403
    assert _ask(host, "GET", "/v1/results") == 403


def test_the_zones_reach_each_other_by_the_door_alone(host: ComposeHost):
    assert _connects(host, "receiver", "door", 8443)
    handoff = host.addresses["handoff", "research"]
    receiver, pacs = host.addresses["receiver", "trusted"], host.addresses["pacs", "trusted"]
    assert not _connects(host, "receiver", handoff, 8080)
    assert not _connects(host, "receiver", host.addresses["database", "research"], 5432)
    for name in ("handoff", "worker"):
        assert not _connects(host, name, receiver, 11112)
        assert not _connects(host, name, pacs, 4242)


def test_the_worker_works_on_the_same_database(host: ComposeHost):
    wait_for(lambda: "worker" in host.log("worker").read_text(), seconds=200)
    text = host.log("worker").read_text().rpartition("\n")[0]  # the last line may still be written
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert not [line for line in lines if line.get("level") in {"error", "critical"}]


def test_the_door_takes_nobody_without_a_certificate_of_the_way(host: ComposeHost):
    """Neither plain HTTP, nor no certificate, nor the one that opens NiFi."""
    path = "/v1/results/objects?limit=100"
    assert _answer(host, "GET", path, scheme="http") == "refused"
    assert _answer(host, "GET", path, certificate=None) == "refused"
    assert _answer(host, "GET", path, certificate="operator") == "refused"
    assert _answer(host, "GET", path, ca="ca.pem") == "not trusted"
    assert _ask(host, "GET", path) == 401


def _ask(host: ComposeHost, method: str, path: str) -> int:
    return int(_answer(host, method, path))


def _answer(
    host: ComposeHost,
    method: str,
    path: str,
    *,
    scheme: str = "https",
    ca: str = "door-ca.pem",
    certificate: str | None = "trusted",
) -> str:
    """What the door says to the one-shot service that has NiFi's certificate: a status, or why there is none."""
    probe = f"""
import http.client, ssl
tls = ssl.create_default_context(cafile="/run/secrets/{ca}")
if {certificate!r}:
    tls.load_cert_chain("/run/secrets/{certificate}.pem", "/run/secrets/{certificate}-key.pem")
if {scheme!r} == "http":
    door = http.client.HTTPConnection("door", 8443, timeout=60)
else:
    door = http.client.HTTPSConnection("door", 8443, timeout=60, context=tls)
try:
    door.request({method!r}, {path!r}, body=b"")
    print(door.getresponse().status)
except ssl.SSLCertVerificationError:
    print("not trusted")
except (OSError, http.client.HTTPException):
    print("refused")
"""
    done = host.run("flows", ["python3", "-c", probe])
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_door_file_is_valid_to_haproxy(host: ComposeHost):
    assert shutil.which("haproxy")
    assert host.run("door", ["haproxy", "-c", "-f", "/usr/local/etc/haproxy/door.cfg"]).returncode == 0
