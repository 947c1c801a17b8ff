"""A spreadsheet of labels for a whole path that has sent one series: three good lines, and three that are in doubt."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pydicom

from tests.whole_path import SLUICE, WholePath


def import_labels(
    path: WholePath, files: Sequence[Path], patient: str, sheet: Path
) -> subprocess.CompletedProcess[str]:
    """Run `sluice labels import` as an operator would, on what a spreadsheet program wrote: BOM, semicolons, CRLF."""
    slices = [pydicom.dcmread(each, stop_before_pixels=True) for each in files]
    study, series = slices[0].StudyInstanceUID, slices[0].SeriesInstanceUID
    lines = [
        "PatientID;StudyInstanceUID;SeriesInstanceUID;SOPInstanceUID;grade;malignant;diameter_mm",
        f"{patient};{study};;;benign;false;",
        f";;{series};;;;12.5",
        f";;;{slices[1].SOPInstanceUID};2;true;",
        ";1.2.3.4;;;1;;",
        f"MRN-0000;{study};;;;true;",
        f";{study};;;;;4711",
    ]
    sheet.write_bytes(("\ufeff" + "\r\n".join(lines)).encode())
    command = [*SLUICE, "labels", "import", str(sheet), "--home", str(path.home), "--json"]
    options = ["--destination", "research/lung", "--source", "radiology-2026"]
    return subprocess.run([*command, *options], check=False, capture_output=True, text=True, timeout=240)


def label_states(path: WholePath) -> list[str]:
    """Where each label document is, by the ledger."""
    return [row["state"] for row in path.ledger("SELECT state FROM label_documents ORDER BY id")]
