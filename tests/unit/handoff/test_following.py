"""Events as a stream, the output of a run as it comes, and the files that its steps left."""

import json
import threading
import time

import pytest

from handoff.api.events import Story
from handoff.api.pages.log import end_of_log
from handoff.api.streams import LONGEST_SECONDS
from handoff.database.tables import Event, Handoff, TargetPlace
from handoff.handoffs.states import State, transition
from handoff.handoffs.tail import Growing, last_lines
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.asking import Asking
from tests.unit.handoff.rows import BATCH, PIPELINE, add_decidable, add_handoff

ID, KEY = "a" * 32, "e" * 64
EVENTS = f"/v1/handoffs/{ID}/events"
LOGS = f"/v1/handoffs/{ID}/logs"


@pytest.fixture
def service(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_decidable(session)
        run = {"state": "RUNNING", "reference": KEY, "attempts": 1, "batch_id": BATCH, "pipeline_id": PIPELINE}
        add_handoff(session, id=ID, key=KEY, **run)
        session.add_all([Event(handoff_id=ID, at=1.0, event=name) for name in ("ACCEPTED", "RUNNING")])
    yield service
    service.database.close()


@pytest.fixture
def asking(service):
    return Asking(service)


def end(service, state: State = State.FAILED) -> None:
    with service.database.write() as session:
        transition(session, session.get_one(Handoff, ID), state, "step-failed")


def later(seconds: float, step, *arguments) -> threading.Timer:
    timer = threading.Timer(seconds, step, arguments)
    timer.start()
    return timer


def messages(text: str) -> list[dict[str, str]]:
    """The messages of a stream, by field."""
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]


def told(text: str) -> list[str]:
    return [json.loads(message["data"])["event"] for message in messages(text) if "id" in message]


def run_folder(service):
    folder = service.home.runs / KEY
    folder.mkdir(parents=True)
    return folder


def test_what_happens_while_one_follows_is_told_and_the_end_ends_it(service, asking):
    timer = later(0.7, end, service)
    answer = asking.ask("GET", EVENTS)
    timer.join()
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert told(answer.text) == ["ACCEPTED", "RUNNING", "FAILED"]
    assert messages(answer.text)[-1] == {"event": "end", "data": '{"state":"FAILED"}'}


def test_who_comes_back_is_told_the_rest_and_who_knows_all_is_not_asked_to_come_again(service, asking):
    first = messages(asking.ask("GET", f"{EVENTS}?seconds=1").text)
    end(service)
    rest = asking.ask("GET", EVENTS, Last_Event_ID=first[-1]["id"])
    assert told(rest.text) == ["FAILED"]
    last = [message["id"] for message in messages(rest.text) if "id" in message][-1]
    assert asking.ask("GET", EVENTS, Last_Event_ID=last).status_code == 204
    assert asking.ask("GET", f"{EVENTS}?after={last}").status_code == 204


def test_a_stream_that_tells_nothing_says_that_it_lives(service, asking, monkeypatch):
    monkeypatch.setattr("handoff.api.streams.HEARTBEAT_SECONDS", 0.0)
    looks = []

    def look(self):
        looks.append(self)
        if len(looks) == 3:
            end(service)
        return looked(self)

    looked = Story.look
    monkeypatch.setattr(Story, "look", look)
    assert asking.ask("GET", EVENTS).text.count(": waiting\n\n") == 2


def test_a_service_that_stops_ends_its_streams(service, asking):
    began = time.monotonic()
    timer = later(0.5, service.drain.begin)
    asking.ask("GET", EVENTS)
    timer.join()
    assert time.monotonic() - began < LONGEST_SECONDS / 3


def test_who_opens_too_many_streams_is_refused_more(service, asking, monkeypatch):
    monkeypatch.setattr("handoff.api.streams._MOST_OF_ONE", 2)
    end(service)  # so that the first look ends each of them
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("handoff.api.streams._open", {"home": 2})
        refused = asking.ask("GET", EVENTS)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    assert asking.ask("GET", EVENTS).status_code == 200


def test_an_event_id_that_is_none_is_refused(asking):
    assert asking.ask("GET", EVENTS, Last_Event_ID="yesterday").json()["code"] == "cursor"


def test_the_last_lines_of_a_log(service, asking):
    (run_folder(service) / "log.txt").write_text("".join(f"line {number}\n" for number in range(50_000)))
    assert asking.ask("GET", f"{LOGS}?tail=2").text == "line 49998\nline 49999\n"
    assert asking.ask("GET", LOGS, Range="bytes=0-5").text == "line 0"
    assert asking.ask("GET", f"{LOGS}?tail=0").text == ""


def test_a_log_is_followed_to_the_end_of_the_run(service, asking, monkeypatch):
    log = run_folder(service) / "log.txt"
    log.write_text("one\ntwo\n")

    looked = threading.Event()

    def go_on() -> None:
        looked.wait(30)
        with log.open("a") as stream:
            stream.write("three\n")
        end(service)

    def more(self, file):
        found = look(self, file)
        looked.set()
        return found

    look = Growing.more
    monkeypatch.setattr(Growing, "more", more)
    timer = later(0.0, go_on)
    assert asking.ask("GET", f"{LOGS}?follow=true&tail=1").text == "two\nthree\n"
    timer.join()


def test_what_a_run_left_on_another_machine_is_said_to_be_there(service, asking):
    with service.database.write() as session:
        session.add(TargetPlace(target="local", place="f" * 32))
    answer = asking.ask("GET", LOGS)
    assert (answer.status_code, answer.json()["code"]) == (404, "elsewhere")


def test_artifacts_are_listed_by_pages_and_fetched_and_nothing_beside_them(service, asking, tmp_path):
    folder = run_folder(service) / "artifacts"
    for path in ("b/deep/metrics.json", "a.txt", "b/model.bin"):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
    (folder / "secret").symlink_to(tmp_path / "research/handoff.db")
    first = asking.ask("GET", f"/v1/handoffs/{ID}/artifacts?limit=2").json()
    rest = asking.ask("GET", f"/v1/handoffs/{ID}/artifacts?limit=2&after={first['next']}").json()
    assert [item["path"] for item in (*first["items"], *rest["items"])] == [
        "a.txt",
        "b/deep/metrics.json",
        "b/model.bin",
    ]
    assert rest["next"] is None
    fetched = asking.ask("GET", f"/v1/handoffs/{ID}/artifacts/b/model.bin")
    assert (fetched.text, fetched.headers["content-disposition"]) == ("b/model.bin", "attachment")
    for path in ("secret", "absent", "../log.txt", "b"):
        assert asking.ask("GET", f"/v1/handoffs/{ID}/artifacts/{path}").status_code in {404, 422}


def test_an_engine_that_writes_its_story_anew_is_quoted_line_by_line(tmp_path):
    growing = Growing()
    said = []
    for number, story in enumerate(["run: RUNNING\n", "run: RUNNING\n", "run: RUNNING\nstep: DONE\n"]):
        fresh = tmp_path / str(number)
        fresh.write_text(story)
        fresh.replace(tmp_path / "story.txt")
        said.append(growing.more(tmp_path / "story.txt"))
    assert said == [b"run: RUNNING\n", b"", b"step: DONE\n"]


@pytest.mark.parametrize(("lines", "expected"), [(0, b""), (1, b"end"), (2, b"x\nend"), (9, b"\nx\nend")])
def test_last_lines_of_a_file_without_a_newline_at_its_end(tmp_path, lines, expected):
    file = tmp_path / "log"
    file.write_bytes(b"\nx\nend")
    assert last_lines(file, lines) == expected


@pytest.mark.parametrize(
    ("most", "expected"),
    [(8, b"two\nend"), (7, b"end"), (3, b"end"), (2, b"nd")],
    ids=["whole", "less", "last", "part"],
)
def test_last_lines_are_whole_ones_as_far_as_they_fit(tmp_path, most, expected):
    file = tmp_path / "log"
    file.write_bytes(b"one\ntwo\nend")
    assert last_lines(file, 9, most_bytes=most) == expected


def test_the_page_of_a_run_reads_the_end_of_its_log_as_the_api_does(service, asking):
    (run_folder(service) / "log.txt").write_text("".join(f"line {number}\n" for number in range(50_000)))
    with service.database.read() as session:
        handoff = session.get_one(Handoff, ID)
    assert end_of_log(service, handoff) == asking.ask("GET", f"{LOGS}?tail=200").text


@pytest.mark.parametrize("place", ["another-home", None], ids=["elsewhere", "gone"])
def test_the_page_of_a_run_whose_log_is_not_here_has_none(service, place):
    with service.database.write() as session:
        handoff = session.get_one(Handoff, ID)
        handoff.target, handoff.attempts = ("local", 1) if place else ("removed", 1)
        handoff.state = "RUNNING"
        if place:
            session.merge(TargetPlace(target="local", place=place))
    assert end_of_log(service, handoff) is None
