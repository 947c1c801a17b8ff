"""A real PACS for the demo and for tests: Debian's Orthanc on loopback, as a process of its own with its own storage.

Orthanc 1.10 cannot bind its ports to one address; so it serves DICOM to the AE titles that it was told of and to their
host alone, and REST to loopback alone.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from nifi.distribution.ports import unused_port
from sluice.demo.errors import PartFailedError

HOST = "127.0.0.1"
READY_SECONDS = 30.0
STOP_SECONDS = 10.0

_FILTER = """\
-- Asked before each C-STORE is kept. An error makes Orthanc answer A700; a status of its own a script cannot give it.
function ReceivedCStoreInstanceFilter(dicom, origin)
  local file = io.open("%(file)s", "r")
  local refuses, seconds = file:read("*n", "*n")
  file:close()
  if seconds > 0 then os.execute("sleep " .. seconds) end
  if refuses == 1 then error("out of resources") end
  return 1
end
"""


def program() -> str | None:
    """Where Orthanc is installed; None when it is not."""
    return shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


class Orthanc:
    """One Orthanc that can be started, stopped, killed, and started again on the same ports and storage."""

    def __init__(
        self,
        root: Path,
        *,
        knows: Mapping[str, int] | None = None,
        ae_title: str = "ORTHANC",
        options: Mapping[str, object] | None = None,
    ) -> None:
        """Choose ports and write the configuration.

        Args:
            root: Its folder: configuration, storage, log.
            knows: Port on loopback by AE title of everyone that may associate; the port matters to C-MOVE alone.
            ae_title: What it must be called by.
            options: Further keys of Orthanc's configuration.
        """
        self.root = root
        self.ae_title = ae_title
        self.port, self.http_port = _free_ports()
        self.log = root / "orthanc.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._knows = dict(knows or {"SLUICE": 11112})
        self._options = dict(options or {})
        self._refuses, self._seconds = False, 0.0
        self._http = httpx.Client(base_url=f"http://{HOST}:{self.http_port}", timeout=60, trust_env=False)
        root.mkdir(parents=True, exist_ok=True)
        (root / "filter.lua").write_text(_FILTER % {"file": root / "behaviour"})
        self._behave(refuses=False, seconds=0.0)
        self._configure()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._http.close()

    @property
    def command(self) -> list[str]:
        """The command line, for whoever runs it among other processes; `TCP_NODELAY=1` makes it ten times faster."""
        return [program() or "Orthanc", str(self.root / "orthanc.json")]

    def start(self) -> None:
        """Start it and wait until both of its ports answer.

        Raises:
            PartFailedError: it is not installed, or ended, or did not become ready.
        """
        with self.log.open("ab") as log:
            try:
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "TCP_NODELAY": "1"},
                )
            except FileNotFoundError as error:
                raise PartFailedError("Orthanc is missing: apt-get install orthanc.") from error
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until it answers; DICOM listens before REST does.

        Raises:
            PartFailedError: it ended, or did not become ready.
        """
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            try:
                self._http.get("/system").raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return
        raise PartFailedError(f"Orthanc did not start ({self.log}).")

    def stop(self) -> None:
        """End it as an administrator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def know(self, ae_title: str, port: int) -> None:
        """Let one more AE title of loopback associate, now if it runs and after each start."""
        self._knows[ae_title] = port
        self._configure()
        if self.process is not None and self.process.poll() is None:
            self._http.put(f"/modalities/{ae_title.lower()}", json=_modality(ae_title, port)).raise_for_status()

    def refuse_stores(self, *, yes: bool = True) -> None:
        """Answer each C-STORE with A700, out of resources, and keep nothing; or take them again."""
        self._behave(refuses=yes, seconds=self._seconds)

    def slow_stores(self, seconds: float) -> None:
        """Take this long over each C-STORE."""
        self._behave(refuses=self._refuses, seconds=seconds)

    def get(self, path: str) -> Any:
        """What its REST answers."""
        return self._http.get(path).raise_for_status().json()

    def find(self, level: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """The resources of a level ("Study", "Series", "Instance") that match keywords and values."""
        asked = {"Level": level, "Query": dict(query), "Expand": True}
        found: list[dict[str, Any]] = self._http.post("/tools/find", json=asked).raise_for_status().json()
        return found

    def study_uids(self) -> list[str]:
        """The Study Instance UIDs that it has."""
        return sorted(one["MainDicomTags"]["StudyInstanceUID"] for one in self.find("Study", {}))

    def sop_instance_uids(self, study_uid: str | None = None) -> list[str]:
        """The SOP Instance UIDs that it has, of all studies or of one."""
        found = self.find("Instance", {"StudyInstanceUID": study_uid} if study_uid else {})
        return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in found)

    def file(self, sop_instance_uid: str) -> bytes:
        """The DICOM file of one instance."""
        (found,) = self.find("Instance", {"SOPInstanceUID": sop_instance_uid})
        return self._http.get(f"/instances/{found['ID']}/file").raise_for_status().content

    def add(self, files: Iterable[Path]) -> None:
        """Fill it with files, by REST."""
        for file in files:
            self._http.post("/instances", content=file.read_bytes()).raise_for_status()

    def delete_study(self, study_uid: str) -> None:
        """Remove one study."""
        for found in self.find("Study", {"StudyInstanceUID": study_uid}):
            self._http.delete(f"/studies/{found['ID']}").raise_for_status()

    def delete_instance(self, sop_instance_uid: str) -> None:
        """Remove one instance."""
        for found in self.find("Instance", {"SOPInstanceUID": sop_instance_uid}):
            self._http.delete(f"/instances/{found['ID']}").raise_for_status()

    def _end(self, sign: signal.Signals) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(sign)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _behave(self, *, refuses: bool, seconds: float) -> None:
        self._refuses, self._seconds = refuses, seconds
        written = self.root / "behaviour.new"
        written.write_text(f"{int(refuses)} {seconds}")
        written.replace(self.root / "behaviour")

    def _configure(self) -> None:
        storage = self.root / "storage"
        written: dict[str, object] = {
            "Name": self.ae_title,
            "StorageDirectory": str(storage),
            "IndexDirectory": str(storage),
            "Plugins": [],
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "LuaScripts": [str(self.root / "filter.lua")],
            "DicomPort": self.port,
            "DicomAet": self.ae_title,
            "DicomCheckCalledAet": True,
            "DicomCheckModalityHost": True,
            "DicomAlwaysAllowEcho": False,
            "DicomAlwaysAllowStore": False,
            "DicomModalities": {name.lower(): _modality(name, port) for name, port in self._knows.items()},
            **self._options,
        }
        (self.root / "orthanc.json").write_text(json.dumps(written, indent=2))


def _modality(ae_title: str, port: int) -> dict[str, object]:
    return {"AET": ae_title, "Host": HOST, "Port": port}


def _free_ports() -> tuple[int, int]:
    """Two ports that nobody has and no client is given."""
    first = second = unused_port()
    while second == first:
        second = unused_port()
    return first, second
