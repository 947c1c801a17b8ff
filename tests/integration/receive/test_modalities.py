"""A day's statement of what real senders sent to a real receiver, with both engines."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from processors.ledger.by_peer import FATES
from sluice.cli import main
from tests.builders import write_ct_series
from tests.receiver_process import ReceiverProcess, storescu
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

FILE = """
receiver: {unknown_callers: accept}
peers:
  ct1: {sends: {ae_titles: [CT1, CT1B]}}
  day: {sends: {ae_titles: DAY, limits: {bytes_per_day: 1}}}
"""


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_each_modality_is_told_what_it_sent_and_the_sums_agree(
    tmp_path: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = write_ct_series(tmp_path / "a", slices=3), write_ct_series(tmp_path / "b", slices=2)
    begin = datetime.now(UTC).date()
    home = tmp_path / "home"
    (home / "trusted").mkdir(parents=True)
    peers = home / "trusted" / "peers.yaml"
    peers.write_text(FILE)
    with ReceiverProcess(home, "--engine", engine, "--peers", str(peers)) as receiver:
        assert len(storescu(receiver.port, first, "-R", "-aet", "CT1").success) == 3
        assert len(storescu(receiver.port, second, "-R", "-aet", "CT9").success) == 2
        assert len(storescu(receiver.port, first[:1], "-R", "-aet", "CT1B").success) == 1
        day = storescu(receiver.port, second, "-R", "-aet", "DAY")
        assert (len(day.success), list(day.refused.values())) == (1, [0xA700])
        wait_for(lambda: receiver.rows("SELECT count(*) FROM associations WHERE ending = 'released'") == [(4,)])
        assert receiver.stop() == 0
    until = datetime.now(UTC).date() + timedelta(1)
    capsys.readouterr()
    main(
        ["ledger", "reconcile", "--by-peer", "--json", "--home", str(home), "--day", f"{begin}", "--until", f"{until}"]
    )
    said = json.loads(capsys.readouterr().out)
    assert said["gaps"] == []
    rows = {row["peer"]: row for row in said["peers"]}
    counted = {
        name: (row["associations"], row["offered"], row["acknowledged"], row["refused_by_status"], row["duplicate"])
        for name, row in rows.items()
    }
    assert counted == {"ct1": (2, 4, 4, {}, 1), "CT9": (1, 2, 2, {}, 0), "day": (1, 2, 1, {"A700": 1}, 1)}
    assert all(sum(row[fate] for fate in FATES) == row["acknowledged"] for row in rows.values())
    assert {name: row["in_peers_file"] for name, row in rows.items()} == {"ct1": True, "CT9": False, "day": True}
