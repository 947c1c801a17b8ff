"""`sluice withdraw` that is killed (SIGKILL) right before each of its steps in turn, and then runs once more.

Use: python -m tests.faults.deid.withdrawal_dies HOME PATIENT_ID

A step is a commit to a ledger or vault, a file that gets its name or is removed, or a request to the handoff. Each try
begins with the same home, in a process that is forked before anything is open. Prints a JSON line a step.
"""

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from processors.delivery.workplace import Workplace
from processors.site import Site
from sluice.withdraw import withdraw_patient
from tests.unit.delivery.asked_desk import Client
from tests.unit.withdrawals.desk import Desk

_STEPS = {"os.remove", "os.rename"}


class _Countdown:
    """Dies right before step number `left`; counts them all where that is 0.

    What is renamed or removed outside of the home is none: Python writes what it has compiled once.
    """

    def __init__(self, home: Path, left: int) -> None:
        self.left, self.seen = left, 0
        self._home = f"{home}{os.sep}"

    def step(self) -> None:
        self.seen += 1
        if self.seen == self.left:
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _STEPS and _place(event, arguments).startswith(self._home):
            self.step()


def _place(event: str, arguments: tuple[Any, ...]) -> str:
    """Where a name is given or removed, which may be said below an open folder."""
    name, folder = os.fsdecode(arguments[0]), arguments[2 if event == "os.rename" else 1]
    return str((Path(f"/proc/self/fd/{folder}").readlink() if folder >= 0 else Path.cwd()) / name)


def _install(countdown: _Countdown) -> None:
    """Have steps counted in this process, which ends soon: hooks of this kind cannot be taken away."""

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                countdown.step()
            return super().execute(sql, *rest)

    connect = sqlite3.connect
    sqlite3.connect = lambda *given, **named: connect(*given, **{"factory": Connection, **named})  # type: ignore[assignment]
    called = Client._call

    def call(self: Client) -> None:
        countdown.step()
        called(self)

    Client._call = call  # type: ignore[method-assign]
    sys.addaudithook(countdown.audit)


def _withdraw(home: Path, patient: str, countdown: _Countdown) -> dict[str, Any]:
    """Withdraw, and say how everything stands then, without any time."""
    desk = Desk(home / "research", None)
    place = Workplace(Site.load(home / "trusted"))
    _install(countdown)
    said = withdraw_patient(
        place, lambda: Client(desk), patient, "", None, reason="consent-withdrawn", by="ada", wait_seconds=60.0
    )  # type: ignore[arg-type, return-value]
    steps = countdown.seen
    standing = {
        "steps": steps,
        "found": said["found"],
        "ended": said["ended"],
        "remains": said["landing"]["remains"],
        "certificates": [(each["certificate"]["id"], each["certificate"]["batches"]) for each in said["handoff"]],
        "shipments": _rows(place, "SELECT id, state, reason, package_sha256 FROM shipments"),
        "deliveries": _rows(place, "SELECT id, state, reason, removed_at IS NULL FROM deliveries"),
        "labels": _rows(place, "SELECT id, state, reason, rows, sha256 FROM label_documents"),
        "results": _rows(place, "SELECT id, state, reason, file FROM results"),
        "landing": sorted(str(path.relative_to(home)) for path in (home / "trusted" / "landing").rglob("*")),
        "store": sorted(desk.files()),
        "copies": desk.copies(),
        "withdrawals": _withdrawals(desk),
    }
    place.close()
    desk.close()
    return standing


def _rows(place: Workplace, query: str) -> list[list[Any]]:
    return sorted((list(row) for row in place.ledger.execute(query)), key=str)


def _withdrawals(desk: Desk) -> list[list[Any]]:
    with sqlite3.connect(desk.home.database) as plain:
        return sorted(list(row) for row in plain.execute("SELECT id, state FROM withdrawals"))


def _forked(work: Callable[[], None]) -> int:
    """What became of some work in a process of its own, as `waitpid` says it."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(home: Path, patient: str) -> None:
    """Kill at each step."""
    home = home.absolute()
    before, told = home.with_name("before"), home.with_name("told.json")
    home.rename(before)

    def tried(number: int) -> int:
        return _forked(lambda: _write(told, _withdraw(home, patient, _Countdown(home, number))))

    def fresh() -> None:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(before, home, ignore=shutil.ignore_patterns("notify"))
        os.mkfifo(home / "trusted" / "landing" / "notify")

    fresh()
    assert tried(0) == 0
    whole = json.loads(told.read_bytes())
    print(json.dumps({"step": 0, **whole}), flush=True)
    for number in range(1, whole["steps"] + 1):
        fresh()
        died = tried(number)
        again = tried(0)
        print(json.dumps({"step": number, "died": died, "again": again, **json.loads(told.read_bytes())}), flush=True)


def _write(file: Path, said: dict[str, Any]) -> None:
    file.write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
