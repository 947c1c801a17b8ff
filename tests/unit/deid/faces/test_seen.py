"""What the step for faces is given: a folder may hold anything."""

import os
from pathlib import Path

from processors.deid.faces import seen


def test_a_pipe_is_in_no_series_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert seen.series_of([tmp_path / "pipe"]) == []
