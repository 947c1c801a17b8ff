"""Real scanners' files: what pydicom's wheel carries for its own tests, good and bad."""

from pathlib import Path

import pydicom.data


def scanner_files() -> tuple[Path, ...]:
    """Every file in the wheel's test folder, sorted by name.

    The folder is read as it is: `pydicom.data.get_testdata_file` would download what the wheel leaves out.
    """
    root = Path(pydicom.data.__file__).parent / "test_files"
    return tuple(sorted(file for file in root.rglob("*") if file.is_file()))
