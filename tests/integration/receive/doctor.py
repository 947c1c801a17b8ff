"""What the doctor says of a receiver, and who asks a receiver whether it is there."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from sluice.cli import main
from tests.receiver_process import ReceiverProcess, peer
from tests.waiting import wait_for


def echoscu(port: int, calling: str, *options: str, called: str = "SLUICE") -> bool:
    """Whether C-ECHO by dcmtk's echoscu is answered with Success."""
    command = [peer("echoscu"), "-aet", calling, "-aec", called, *options, "127.0.0.1", str(port)]
    environment = {**os.environ, "TCP_NODELAY": "1"}
    return subprocess.run(command, check=False, capture_output=True, env=environment).returncode == 0


def troubles(receiver: ReceiverProcess, count: int) -> list[str]:
    """The causes in the ledger, the oldest first, once there are so many rows."""
    query = "SELECT cause FROM troubles ORDER BY first_at, id"
    wait_for(lambda: len(receiver.rows(query)) >= count, complaint=receiver.log.read_text)
    return [str(row[0]) for row in receiver.rows(query)]


def ask_doctor(home: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, list[dict[str, object]]]:
    """What `sluice doctor --json` prints."""
    capsys.readouterr()
    main(["doctor", "--home", str(home), "--json", *options])
    found: dict[str, list[dict[str, object]]] = json.loads(capsys.readouterr().out)
    return found
