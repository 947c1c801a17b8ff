"""The collector of garbage has little to look at while objects come in."""

import subprocess
import sys
from pathlib import Path

RECEIVER = """
import gc, io, sys
from pathlib import Path
from processors.dicom.event_log import EventLog
from processors.dicom.receiver import ReceiverSettings, run

class Engine:
    def start(self, listener):
        return "127.0.0.1", 0
    def stop(self, grace_seconds):
        pass

def ready(host, port):
    print(gc.get_freeze_count(), len(gc.get_objects()), gc.isenabled())

home = Path(sys.argv[1])
run(ReceiverSettings(home / "landing", home / "ledger.db", 0), Engine(), EventLog(io.StringIO()), ready, lambda: None)
"""


def test_what_is_there_when_a_receiver_begins_is_never_looked_through_again(tmp_path: Path) -> None:
    said = subprocess.run([sys.executable, "-c", RECEIVER, str(tmp_path)], check=True, capture_output=True, text=True)
    spared, looked_at, is_enabled = said.stdout.split()
    assert int(spared) > 10_000
    assert int(looked_at) < 1_000
    assert is_enabled == "True"
