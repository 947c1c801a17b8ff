"""Make every peer that the tests need ready: `python -m tests.peers [NAME...]`. To add one, add its function here."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.peers import deidentifiers, mlflow, versitygw

PEERS: dict[str, Callable[[], Path]] = {
    "mlflow": mlflow.make,
    "versitygw": versitygw.make,
}
ON_DEMAND: dict[str, Callable[[], Path]] = {"deidentifiers": deidentifiers.make}
"""What only a benchmark needs: made where it is named."""


def main(names: list[str]) -> int:
    """Make the named peers, or all that tests need."""
    for name in names or PEERS:
        began = time.monotonic()
        print(f"{name}: ...", flush=True)
        found = (PEERS | ON_DEMAND)[name]()
        print(f"{name}: {found} ({time.monotonic() - began:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
