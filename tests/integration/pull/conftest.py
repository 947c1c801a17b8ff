"""One hospital for the tests of pulling: Orthanc as its PACS, a receiver, and the list of peers that joins them."""

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from sluice.cli import main
from tests.builders import write_ct_series
from tests.orthanc import Orthanc, write_peers
from tests.receiver_process import ReceiverProcess


@dataclass
class Study:
    """A study that the PACS has."""

    uid: str
    patient: str
    files: list[Path]


class Hospital:
    """A PACS that knows our receiver, and the other way round."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.receiver = ReceiverProcess(root / "home", "--idle-seconds", "1")
        self.receiver.start()
        self.home = self.receiver.home
        self.pacs = Orthanc(
            root / "pacs", knows={"SLUICE": self.receiver.port}, options={"DicomAssociationCloseDelay": 1}
        )
        write_peers(self.home / "trusted", self.pacs)
        self.pacs.start()
        self._number = 0

    def close(self) -> None:
        self.pacs.__exit__()
        self.receiver.__exit__()

    def study(self, slices: int, **facts: Any) -> Study:
        """A new study of a new patient, in the PACS alone."""
        self._number += 1
        patient = f"PAT{self._number:03}"
        files = write_ct_series(self.root / patient, slices=slices, patient=patient)
        for file in files if facts else []:
            dataset = dcmread(file)
            for keyword, value in facts.items():
                setattr(dataset, keyword, value)
            dataset.save_as(file, enforce_file_format=True)
        self.pacs.add(files)
        return Study(str(dcmread(files[0]).StudyInstanceUID), patient, files)

    def list_of(self, *studies: Study, column: str = "PatientID") -> Path:
        """A list as a researcher writes it."""
        path = self.root / f"list-{self._number}-{column}.csv"
        values = [study.uid if column == "StudyInstanceUID" else study.patient for study in studies]
        path.write_text("\n".join([column, *values]) + "\n")
        return path

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "sluice", *map(str, arguments), "--home", str(self.home)]

    def pull(self, *arguments: object, by: str = "move") -> "Ran":
        more = ("--receiver", f"127.0.0.1:{self.receiver.port}") if by == "get" else ()
        return self.run("pull", "pacs", "--by", by, *more, *arguments)

    def run(self, *arguments: object) -> "Ran":
        """A command in this process, which spares its start."""
        output, errors, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                main([*map(str, arguments), "--home", str(self.home)])
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Ran(code, output.getvalue(), errors.getvalue())

    def here(self, study: Study) -> list[str]:
        """The SOP Instance UIDs of a study that were received, each as often as it came."""
        rows = self.receiver.rows(f"SELECT sop_instance_uid FROM instances WHERE study_uid = '{study.uid}'")
        return sorted(str(row[0]) for row in rows)


@dataclass
class Ran:
    """What a command said."""

    code: int
    output: str
    errors: str

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event for line in self.output.splitlines() if (event := json.loads(line))["event"] == name]

    @property
    def finished(self) -> dict[str, Any]:
        [event] = self.events("finished")
        return event


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    running = Hospital(tmp_path_factory.mktemp("hospital"))
    yield running
    running.close()
