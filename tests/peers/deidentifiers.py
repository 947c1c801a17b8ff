"""Other de-identifiers of DICOM, which `make bench-deid` runs beside ours; no test needs them."""

from pathlib import Path

from tests.peers.environment import environment


def make() -> Path:
    """The interpreter that imports them; installed when it is not there."""
    return environment("deid-peers") / "bin" / "python"
