"""A whole Sluice on loopback for tests: receiver, NiFi and handoff as real processes, each of which may be killed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from handoff.client import HandoffClient
from nifi.distribution import launch
from nifi.nar import Nar
from nifi.releases.deploy import deploy
from processors.deid.keys import KeyFile
from processors.ledger.handoff_pin import context
from processors.vault.vault import Vault
from sluice.handoff_certificates import make_certificates
from tests.loopback import free_port
from tests.waiting import wait_for

SLUICE = [sys.executable, "-m", "sluice"]
RULES = """
version: 1
rules:
  - name: everything to the research project
    when: {}
    ship:
      - {destination: research, project: lung, profile: research-default}
"""


@dataclass
class Service:
    """A `sluice` command that runs until it is told to stop, and the line with which it said that it listens."""

    command: list[str]
    log: Path
    process: subprocess.Popen[str] | None = None
    listening: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        """Start it and wait for its listening line."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"{self.command} ended: {self.log.read_text()[-2000:]}"
        self.listening = json.loads(line)

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """End it as a power cut would, children included."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self._reap()

    def stop(self) -> None:
        """End it politely, then for good."""
        if not self.is_running:
            return
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reap()

    def _reap(self) -> None:
        assert self.process is not None
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class WholePath:
    """One home with everything in it. Use as a context manager; `up()` starts all three.

    With `tls` both sides speak TLS by what `sluice certificates` makes, and know nobody without a certificate.
    """

    def __init__(self, home: Path, *, rules: str = RULES, site: str = "", tls: bool = False) -> None:
        self.home = home
        self.trusted = home / "trusted"
        (self.trusted / "keys").mkdir(parents=True)
        (home / "research").mkdir()
        (self.trusted / "rules.yaml").write_text(rules)
        (self.trusted / "sluice.yaml").write_text(site)
        KeyFile.create(self.trusted / "keys" / "site.key")
        (home / "research" / "handoff.yaml").write_text("rules: {quiet_seconds: 1}\n")
        self.dicom_port, self.http_port = free_port(), free_port()
        self.receiver = Service(
            [*SLUICE, "receive", "--home", str(home), "--port", str(self.dicom_port)], home / "receiver.log"
        )
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.http_port}"
        self.environment, self._pins = dict(os.environ), dict[str, str]()
        command = [*SLUICE, "handoff", "serve", "--home", str(home), "--port", str(self.http_port)]
        self.handoff = Service([*command, *(self._secured() if tls else ())], home / "handoff.log")

    def _secured(self) -> list[str]:
        """Make the certificates; what the service is told of them."""
        ca, handoff, handoff_key, trusted, trusted_key = make_certificates(self.home / "tls", ["127.0.0.1"])
        self._pins = {
            "handoff.ca": ca.read_text(),
            "handoff.client.certificate": trusted.read_text(),
            "handoff.client.key": trusted_key.read_text(),
        }
        named = {"CA": ca, "CERTIFICATE": trusted, "KEY": trusted_key}
        self.environment |= {f"SLUICE_HANDOFF_{name}": str(file) for name, file in named.items()}
        return ["--certificate", str(handoff), "--key", str(handoff_key), "--client-ca", str(ca)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.receiver.stop()
        launch.stop(self.home)
        self.handoff.stop()

    def up(self, nar: Nar) -> None:
        """Start handoff, NiFi with its flows, and the receiver."""
        self.handoff.start()
        self.deploy(nar)
        self.receiver.start()

    def revive(self, nar: Nar) -> None:
        """Start what is not running, as a test that failed may have left it."""
        if not self.handoff.is_running:
            self.handoff.start()
        if launch.find(self.home) is None:
            self.deploy(nar)
        if not self.receiver.is_running:
            self.receiver.start()

    def deploy(self, nar: Nar, **changes: str) -> None:
        """Start NiFi and deploy the release with this home's parameters."""
        running = launch.start(self.home)
        parameters = {
            "trusted.home": str(self.trusted),
            "handoff.url": self.url,
            "handoff.token": (self.home / "research" / "token").read_text().strip(),
            "receipt.public.key": self.handoff.listening["receipt_public_key"],
            **self._pins,
            **changes,
        }
        deploy(running.url, parameters, nar)

    def kill_nifi(self) -> None:
        """End NiFi's JVM as a power cut would; its Python children are left to notice by themselves."""
        running = launch.find(self.home)
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)

    def ledger(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Rows of the ledger, read only."""
        with closing(sqlite3.connect(f"file:{self.trusted / 'ledger.db'}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()

    def settle(self, acknowledged: int, seconds: float = 300) -> None:
        """Wait until the ledger knows all that senders saw acknowledged, and none of it is on its way."""
        wait_for(
            lambda: self.known() >= acknowledged and not self.on_the_way(),
            seconds,
            lambda: f"{self.known()} of {acknowledged} known, still on the way: {self.on_the_way()}",
        )

    def settle_of(self, uids: set[str], seconds: float = 300) -> None:
        """Wait until the ledger knows these SOP instances, and nothing is on its way."""

        def missing() -> int:
            return len(uids - {row[0] for row in self.ledger("SELECT sop_instance_uid FROM instances")})

        wait_for(
            lambda: not missing() and not self.on_the_way(),
            seconds,
            lambda: f"{missing()} of {len(uids)} unknown, still on the way: {self.on_the_way()}",
        )

    def known(self) -> int:
        """How many instances the ledger has, duplicates included."""
        return int(self.ledger("SELECT count(*) FROM instances")[0][0])

    def on_the_way(self) -> list[tuple[str, str, int]]:
        """(what, state, count) of everything that is not at its end."""
        return [
            tuple(row)
            for row in self.ledger(
                "SELECT 'delivery', state, count(*) FROM deliveries"
                " WHERE state NOT IN ('terminal', 'parked') GROUP BY 2"
                " UNION ALL SELECT 'evidence', state, count(*) FROM evidence"
                " WHERE state NOT IN ('confirmed', 'parked', 'translated') GROUP BY 2"
            )
        ]

    def manifests(self, project: str) -> Iterator[dict[str, Any]]:
        """The manifest of every package of a project that lies in the handoff's store."""
        for package in sorted((self.home / "research" / "store").rglob("*.zip")):
            with zipfile.ZipFile(package) as archive:
                manifest = json.loads(archive.read("manifest.json"))
            if manifest["project"] == project:
                yield manifest

    def pseudonyms(self, project: str) -> set[str]:
        """Every pseudonymous id that a project knows: patients, studies, series, instances."""
        return {
            value
            for manifest in self.manifests(project)
            for value in (
                manifest["patient"],
                manifest["study_instance_uid"],
                manifest["series_instance_uid"],
                *(instance["sop_instance_uid"] for instance in manifest["instances"]),
            )
        }

    def reconcile(self) -> subprocess.CompletedProcess[str]:
        """Ask all witnesses, the handoff included, as an operator would."""
        token = (self.home / "research" / "api-token").read_text().strip()
        command = [*SLUICE, "ledger", "reconcile", "--home", str(self.home), "--handoff-url", self.url]
        return self.run([*command, "--token", token])

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command as somebody of the trusted side would, who has the certificates of the way."""
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=self.environment)

    def client(self) -> HandoffClient:
        """A client of the handoff, with this home's tokens."""
        files = (self.environment.get(f"SLUICE_HANDOFF_{name}") for name in ("CA", "CERTIFICATE", "KEY"))
        return HandoffClient.of_home(self.url, self.home, context(*(Path(file) if file else None for file in files)))

    def handed_off(self, project: str = "lung") -> Counter[str]:
        """How often each original SOP Instance UID stands in the handoff's packages of a project."""
        vault = Vault.open(self.trusted / "vault.db", KeyFile.load(self.trusted / "keys" / "site.key"))
        found: Counter[str] = Counter()
        try:
            for manifest in self.manifests(project):
                for instance in manifest["instances"]:
                    found[str(vault.original_of(project, instance["sop_instance_uid"]))] += 1
        finally:
            vault.close()
        with self.client() as handoff:
            assert sum(each.delivered for each in handoff.shipments(project)) == sum(found.values())
        return found


@dataclass
class Push:
    """One storescu over one association, and what its log says."""

    process: subprocess.Popen[str]
    acknowledged: list[Path] = field(default_factory=list)
    refused: list[Path] = field(default_factory=list)

    def until(self, enough: int) -> None:
        """Read the sender's log until so many instances are acknowledged, or the sender ends."""
        assert self.process.stdout is not None
        current: Path | None = None
        for line in self.process.stdout:
            text = line.strip()
            if "Sending file: " in text:
                current = Path(text.split("Sending file: ", 1)[1])
            elif "Received Store Response (Success)" in text and current is not None:
                self.acknowledged.append(current)
            elif "Received Store Response" in text and current is not None:
                self.refused.append(current)
            if len(self.acknowledged) >= enough:
                return

    def finish(self) -> None:
        """Read to the end and reap the sender."""
        self.until(sys.maxsize)
        self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()


def push(port: int, files: Iterable[Path], list_folder: Path, calling: str = "STORESCU") -> Push:
    """Start a real storescu over the files; a missing storescu is an error, not a skip."""
    folder = Path(list_folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files):
        (folder / f"{number:05}.dcm").symlink_to(file.resolve())
    titles = ["-aet", calling, "-aec", "SLUICE"]
    command = ["storescu", "-v", "+sd", "+sp", "*.dcm", *titles, "127.0.0.1", str(port), str(folder)]
    # No further than it is read: what a test does after `until` is in the middle, however busy the machine is.
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "bufsize": 1, "pipesize": 4096}
    return Push(subprocess.Popen(command, **output))
