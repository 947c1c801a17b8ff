"""Whoever tells is killed at random, and answers are lost: every event arrives, in order, and twice only the same."""

import base64
import json
import random
import subprocess
import sys
import time

import pytest

from handoff.contract.webhook import read_secret, verify
from handoff.database.tables import MirrorRow
from handoff.handoffs.states import State
from handoff.mirrors.make import make_mirrors
from handoff.mirrors.outbox import PLACE, anything_to_do
from handoff.settings import Settings
from tests.http_sink import HttpSink
from tests.integration.mirrors.told import Told

pytestmark = pytest.mark.faults
SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
RUNS, KILLS, SECONDS = 15, 4, 240
TELLER = """
import sys, time
from pathlib import Path
from handoff.database.open import open_database
from handoff.home import ResearchHome
from handoff.mirrors.deliver import mirroring
from handoff.settings import Settings
settings = Settings.load(Path(sys.argv[1]))
home = ResearchHome.of(settings.home)
with mirroring(settings, home, open_database(settings, home)):
    print("telling", flush=True)
    time.sleep(600)
"""


def answers(chance: random.Random) -> list[str]:
    """One in three is lost, one in six is a refusal of the moment, and in the end all is well."""
    return [chance.choice(["lose", "lose", "503", "204", "204", "204"]) for _ in range(60)] + ["204"]


def test_kills_and_lost_answers_cost_no_event_and_change_none(tmp_path):
    chance = random.Random(20)
    (tmp_path / "secret").write_text(SECRET)
    for name in ("endpoint", "subscriber"):
        (tmp_path / name).mkdir()
    with (
        HttpSink(tmp_path / "endpoint", *answers(chance)) as endpoint,
        HttpSink(tmp_path / "subscriber", *answers(chance)) as subscriber,
        Told(tmp_path, "http://127.0.0.1:1") as told,
    ):
        file = tmp_path / "lineage.jsonl"
        webhook = {"url": subscriber.url, "secret_file": str(tmp_path / "secret"), "events": ["result", "failure"]}
        mirrors = {"openlineage": {"url": endpoint.url, "file": str(file)}, "webhooks": {"ops": webhook}}
        (told.home.root / "handoff.yaml").write_text(json.dumps({"mirrors": mirrors}))
        for number in range(RUNS):
            told.end(told.submitted("infer"), State.FAILED if number % 3 == 0 else State.SUCCEEDED)
        starts = tell_until_done(told, tmp_path, chance)
        lines = file.read_bytes().splitlines()
        posted = list(dict.fromkeys(post["body"] for post in endpoint.taken))
        messages = believed(subscriber)
    assert starts > KILLS
    assert len(endpoint.posts) > len(posted)
    assert (posted, len(lines)) == (lines, 2 * RUNS)
    assert [message["run"]["state"] for message in messages] == [
        "FAILED" if number % 3 == 0 else "SUCCEEDED" for number in range(RUNS)
    ]


def tell_until_done(told: Told, folder, chance: random.Random) -> int:
    """Start a teller again and again, kill each of the first ones; returns how many were started."""
    mirrors = list(make_mirrors(Settings.load(folder).mirrors))
    deadline, starts = time.monotonic() + SECONDS, 0
    while time.monotonic() < deadline:
        starts += 1
        command = [sys.executable, "-c", TELLER, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as teller:
            teller.stdout.readline()
            until = deadline if starts > KILLS else time.monotonic() + chance.uniform(0.05, 0.5)
            while time.monotonic() < until and not done(told, mirrors):
                time.sleep(0.05)
            teller.kill()
        if starts > KILLS and done(told, mirrors):
            return starts
    raise AssertionError(str(told.rows()))


def done(told: Told, mirrors) -> bool:
    with told.database.read() as session:
        waiting = session.query(MirrorRow).where(MirrorRow.kind != PLACE).count()
        return not waiting and not any(anything_to_do(session, mirror) for mirror in mirrors)


def believed(sink: HttpSink) -> list[dict]:
    """The messages as a receiver keeps them: verified, and each id once."""
    kept: dict[str, bytes] = {}
    for post in sink.taken:
        message_id = verify(post["headers"], post["body"], [read_secret(SECRET)], post["at"])
        assert kept.setdefault(message_id, post["body"]) == post["body"]
    return [json.loads(body) for body in kept.values()]
