"""The audit record outlives whoever writes it: killed at any moment, it is whole, and what was promised is in it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processors.audit.chain import Chain
from processors.audit.reading import records
from processors.audit.signer import Signer, Trusted
from processors.audit.verify import verify
from processors.deid.keys import KeyFile

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

ROUNDS = 12
KEYS = KeyFile(id="abcd0123", epoch=1, secret=bytes(32))
WRITER = """
import sys
from pathlib import Path
from processors.audit.chain import Chain
from processors.audit.signer import Signer
from processors.deid.keys import KeyFile
chain = Chain(Path(sys.argv[1]), "lung", Signer(KeyFile(id="abcd0123", epoch=1, secret=bytes(32))))
for batch in range(10**6):
    told = [{"kind": "instance", "batch": f"{sys.argv[2]}/{batch}", "padding": "x" * 900}] * 40
    chain.append(told, 1.7e9)
    print(f"{sys.argv[2]}/{batch}", flush=True)
"""


def test_two_writers_that_are_killed_again_and_again_leave_one_whole_chain(tmp_path: Path) -> None:
    """Two processes append; one after the other is killed and replaced. Whatever one of them printed is durable."""
    promised: set[str] = set()
    for number in range(ROUNDS):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), f"{number}-{each}"], stdout=subprocess.PIPE)
            for each in range(2)
        ]
        for killed, writer in enumerate(writers):
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(3 + (number + killed) % 5)]
            os.kill(writer.pid, signal.SIGKILL)
            lines += writer.stdout.read().splitlines(keepends=True)
            writer.wait()
            writer.stdout.close()
            promised |= {line.decode().strip() for line in lines if line.endswith(b"\n")}

    Chain(tmp_path, "lung", Signer(KEYS)).append([{"kind": "instance", "batch": "last"}], 1.7e9)

    found = verify(tmp_path, "lung", Trusted.of_site(KEYS))
    assert found.faults == []
    assert len(promised) > ROUNDS * 6
    assert promised <= {record["batch"] for record in records(tmp_path, "lung")}
