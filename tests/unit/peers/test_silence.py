"""Who is silent, by the ledger: said once at its onset and once at its end, by doctor, metrics, log and picture."""

import io
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from processors.dicom import silence_watch
from processors.dicom.event_log import EventLog
from processors.dicom.receiver import Receiver, ReceiverSettings
from processors.dicom.silence_watch import SilenceWatch
from processors.ledger import silence
from processors.ledger.schema import connect, connect_readonly
from processors.ledger.silence import Silences, Standing
from processors.ledger.writer import Work
from processors.peers import Peers
from sluice.cli import main
from tests.unit.peers.sent import write_sent
from tests.unit.receive.landing_desk import Desk
from tests.waiting import wait_for

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
HOUR, DAY = 3600.0, 86400.0
UTC_ZONE = ZoneInfo("UTC")
FILE = "peers: {ct1: {sends: {ae_titles: [CT1, CT1B]}}, mr1: {sends: {ae_titles: MR1}}}"


def often(until: float, weeks: int = 5, every: float = HOUR / 2) -> list[float]:
    """Day and night, twice an hour."""
    return [until - number * every for number in range(int(weeks * 7 * DAY / every))]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    file = tmp_path / "trusted" / "ledger.db"
    connect(file).close()
    return file


def stand(ledger: Path, now: float, text: str = FILE) -> dict[str, Standing]:
    with closing(connect_readonly(ledger)) as connection:
        peers = Peers.parse(text, "peers.yaml")
        return {each.caller.name: each for each in Silences(lambda: peers, UTC_ZONE).look(connection, now)}


def states(ledger: Path, now: float, text: str = FILE) -> dict[str, str]:
    return {name: standing.state for name, standing in stand(ledger, now, text).items()}


def test_a_peer_is_ok_then_quiet_then_silent_since_its_last_object(ledger: Path) -> None:
    write_sent(ledger, "CT1", often(NOON))
    seen = [stand(ledger, NOON + hours * HOUR)["ct1"] for hours in (0.5, 1.25, 1.75, 2.5, 2000)]
    assert [each.state for each in seen] == ["ok", "quiet", "quiet", "silent", "silent"]
    assert {each.silent_since for each in seen[3:]} == {NOON + 1}
    assert len({each.alarm_at for each in seen}) == 1, "it was foreseen"


def test_all_titles_of_a_peer_are_one_rhythm(ledger: Path) -> None:
    write_sent(ledger, "CT1", often(NOON - 20 * DAY))
    write_sent(ledger, "CT1B", often(NOON, weeks=3))
    assert states(ledger, NOON + HOUR / 2)["ct1"] == "ok"


def test_little_is_known_at_first(ledger: Path) -> None:
    write_sent(ledger, "CT1", often(NOON, weeks=2))
    standing = stand(ledger, NOON + 30 * DAY)
    assert (standing["ct1"].state, standing["mr1"].state) == ("learning", "learning")
    assert standing["mr1"].last_at is None


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("peers: {ct1: {sends: {ae_titles: CT1, expects: none}}}", "unwatched"),
        ("peers: {ct1: {sends: {ae_titles: CT1, quiet: 2026-03-02/2026-03-05}}}", "ok"),
        ("receiver: {quiet: '2026-03-02T12:00/2026-03-03T10:30'}\npeers: {ct1: {sends: {ae_titles: CT1}}}", "quiet"),
        ("peers: {ct1: {sends: {ae_titles: CT1, quiet: 2026-03-08}}}", "silent"),
    ],
)
def test_planned_downtime_is_no_silence(ledger: Path, text: str, state: str) -> None:
    write_sent(ledger, "CT1", often(NOON))
    assert states(ledger, NOON + DAY, text)["ct1"] == state


def test_strangers_are_watched_where_they_may_send(ledger: Path) -> None:
    write_sent(ledger, "LAB", often(NOON))
    write_sent(ledger, "ONCE", [NOON])
    assert states(ledger, NOON + DAY, "{}") == {"LAB": "silent"}
    assert "LAB" not in states(ledger, NOON + DAY)
    assert states(ledger, NOON + DAY, "receiver: {unknown_callers: quarantine}\n" + FILE)["LAB"] == "silent"


def test_an_object_from_the_future_is_a_wrong_clock(ledger: Path) -> None:
    """Otherwise a peer could not become silent until then."""
    write_sent(ledger, "CT1", [*often(NOON), NOON + 1000 * DAY])
    assert states(ledger, NOON + DAY)["ct1"] == "silent"


def test_an_association_that_brings_nothing_is_no_sign_of_objects(ledger: Path) -> None:
    write_sent(ledger, "CT1", often(NOON))
    with closing(connect(ledger)) as connection:
        connection.execute(
            "INSERT INTO associations VALUES ('echo', ?, ?, 'CT1', 'SLUICE', '10.0.0.1', 'released', 0, 0)",
            (NOON + DAY, NOON + DAY),
        )
    assert states(ledger, NOON + DAY + HOUR)["ct1"] == "silent"


def test_a_delivery_in_a_long_association_is_a_sign(ledger: Path) -> None:
    write_sent(ledger, "CT1", often(NOON))
    with closing(connect(ledger)) as connection:
        connection.execute(
            "INSERT INTO associations VALUES ('long', ?, NULL, 'CT1', 'SLUICE', '10.0.0.1', 'open', 0, 0)", (NOON,)
        )
        connection.execute(
            "INSERT INTO deliveries (id, association_id, called_ae, study_uid, series_uid, opened_at, sealed_at,"
            " seal_reason, instance_count, bytes, state)"
            " VALUES ('d', 'long', 'S', '', '', ?, ?, 'idle', 1, 1, 'sealed')",
            (NOON + DAY, NOON + DAY + 60),
        )
    assert stand(ledger, NOON + DAY + HOUR)["ct1"].last_at == NOON + DAY + 60


def test_it_learns_once_a_day_and_of_each_new_peers_file(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In between it reads little; what is equal is not new."""
    write_sent(ledger, "CT1", often(NOON))
    learned: list[int] = []
    real = silence.learn
    monkeypatch.setattr(silence, "learn", lambda *given: learned.append(1) or real(*given))
    texts = [FILE]
    silences = Silences(lambda: Peers.parse(texts[-1], "peers.yaml"), UTC_ZONE)
    with closing(connect_readonly(ledger)) as connection:
        for hours in (0, 1, 2):
            silences.look(connection, NOON + hours * HOUR)
        assert len(learned) == 2, "one for each peer"
        texts.append("peers: {ct1: {sends: {ae_titles: CT1, quiet: 2026-03-02}}}")
        assert silences.look(connection, NOON + 3 * HOUR)[0].state == "ok"
        assert len(learned) == 3
        silences.look(connection, NOON + DAY)
        assert len(learned) == 4


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, 4 * 96), max_size=8), st.lists(st.integers(0, 4 * 96), min_size=1, max_size=4))
def test_whoever_looked_before_sees_what_a_newcomer_sees(later: list[int], looks: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "ledger.db"
        write_sent(ledger, "CT1", often(NOON, weeks=1, every=HOUR))
        known = Silences(lambda: Peers.parse(FILE, "peers.yaml"), UTC_ZONE)
        with closing(connect_readonly(ledger)) as connection:
            waiting = sorted(later)
            for quarter in [*sorted(looks), 4 * 96]:
                now = NOON + quarter * 900.0
                write_sent(ledger, "CT1", [NOON + each * 900.0 for each in waiting if each <= quarter])
                waiting = [each for each in waiting if each > quarter]
                seen = [(one.caller, one.last_at) for one in known.look(connection, now)]
                fresh = Silences(lambda: Peers.parse(FILE, "peers.yaml"), UTC_ZONE).look(connection, now)
                assert seen == [(one.caller, one.last_at) for one in fresh]


# Told once


class Heard:
    """A watch with a clock of its own, whose words are kept."""

    def __init__(self, ledger: Path, text: str = FILE) -> None:
        self.ledger, self.text, self.now = ledger, text, NOON
        self.troubles: list[str] = []
        self.stream = io.StringIO()
        self.registry = CollectorRegistry()
        self.start()

    def start(self) -> None:
        peers = Peers.parse(self.text, "peers.yaml")
        self.watch = SilenceWatch(self.ledger, lambda: peers, UTC_ZONE, lambda: self.now)

    def look(self, now: float) -> None:
        self.now = now

        def tell(cause: str, *, peer: str, detail: str, **_empty: str) -> None:
            self.troubles.append(f"{cause} {peer} {detail}")

        self.watch.look(tell, self._submit, EventLog(self.stream, lambda: 0.0))

    def _submit(self, work: Work) -> None:
        with closing(connect(self.ledger)) as connection:
            work(connection)

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def test_a_silence_is_told_once_and_so_is_its_end_across_restarts(ledger: Path) -> None:
    write_sent(ledger, "CT1", often(NOON))
    heard = Heard(ledger)
    heard.look(NOON + HOUR)
    assert heard.troubles == []
    for hours in (12, 13):
        heard.look(NOON + hours * HOUR)
    heard.start()
    heard.look(NOON + 40 * HOUR)
    assert heard.troubles == ["peer-silent ct1 2026-03-02 12:00 (UTC)"]
    assert heard.lines == []
    write_sent(ledger, "CT1", [NOON + 48 * HOUR])
    heard.start()
    for hours in (48.1, 48.2):
        heard.look(NOON + hours * HOUR)
    [line] = heard.lines
    assert (line["event"], line["peer"], line["silent_since"], line["state"]) == ("peer-heard", "ct1", NOON + 1, "ok")
    heard.look(NOON + 60 * HOUR)
    assert heard.troubles[1:] == ["peer-silent ct1 2026-03-04 12:00 (UTC)"]


def test_two_silences_between_two_looks_are_two(ledger: Path) -> None:
    write_sent(ledger, "CT1", often(NOON))
    heard = Heard(ledger)
    heard.look(NOON + 12 * HOUR)
    write_sent(ledger, "CT1", [NOON + 13 * HOUR])
    heard.look(NOON + 30 * HOUR)
    assert len(heard.troubles) == 2
    assert [line["state"] for line in heard.lines] == ["silent"]


def test_a_title_can_neither_break_a_line_nor_steer_a_terminal(ledger: Path) -> None:
    write_sent(ledger, "\x1b[2JCT\n", often(NOON))
    heard = Heard(ledger, "{}")
    heard.look(NOON + DAY)
    assert heard.troubles == ["peer-silent ?[2JCT 2026-03-02 12:00 (UTC)"]


def test_the_gauges_have_names_of_the_peers_file_alone(ledger: Path) -> None:
    write_sent(ledger, "CT1", often(NOON))
    write_sent(ledger, "LAB", often(NOON))
    heard = Heard(ledger)
    heard.registry.register(heard.watch)
    heard.look(NOON + DAY)
    said = generate_latest(heard.registry).decode()
    assert 'sluice_peer_silent{peer="ct1"} 1.0' in said
    assert 'sluice_peer_silent{peer="mr1"} 0.0' in said
    [last] = [
        line for line in said.splitlines() if line.startswith('sluice_peer_last_object_timestamp_seconds{peer="ct1"}')
    ]
    assert float(last.split()[-1]) == NOON + 1
    assert "sluice_silent_callers 1.0" in said
    assert "LAB" not in said


def test_a_receiver_watches_by_itself(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sent(desk.ledger_file, "CT1", often(time.time() - 2 * DAY))
    monkeypatch.setattr(silence_watch, "LOOK_SECONDS", 0.01)
    log = io.StringIO()
    receiver = Receiver(ReceiverSettings(desk.layout.root, desk.ledger_file, 0), desk.layout, EventLog(log))
    try:
        wait_for(lambda: desk.rows("SELECT 1 FROM events WHERE event = 'peer-silent'"))
    finally:
        receiver.close()
    [trouble] = [event for event in map(json.loads, log.getvalue().splitlines()) if event["event"] == "trouble"]
    assert (trouble["cause"], trouble["peer"]) == ("peer-silent", "CT1")
    assert trouble["sentence"].startswith("Peer CT1 has sent nothing since 20")
    assert desk.rows("SELECT peer, count FROM troubles WHERE cause = 'peer-silent'") == [("CT1", 1)]
    assert 'troubles_total{cause="peer-silent"} 1.0' in generate_latest(receiver.metrics.registry).decode()


def test_a_fault_of_ours_does_not_end_the_watch(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def breaks(_: object, __: object, now: float) -> None:
        looks.append(now)
        raise ArithmeticError

    monkeypatch.setattr(silence_watch, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(Silences, "look", breaks)
    watch = SilenceWatch(ledger, Peers, UTC_ZONE, time.time)
    watch.open(lambda *_, **__: None, lambda _: None, EventLog(io.StringIO()), CollectorRegistry())
    try:
        wait_for(lambda: len(looks) > 1)
    finally:
        watch.close()


# Commands


@pytest.fixture
def home(
    ledger: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Runs a command two days after noon."""
    (ledger.parent / "peers.yaml").write_text(FILE)

    def run(*command: str) -> tuple[int, str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: NOON + 2 * DAY)
            try:
                main([*command, "--home", str(ledger.parent.parent)])
            except SystemExit as ended:
                return int(ended.code or 0), capsys.readouterr().out
        return 0, capsys.readouterr().out

    return run


def test_the_picture_and_the_doctor_say_who_is_silent(ledger: Path, home: Callable[..., tuple[int, str]]) -> None:
    write_sent(ledger, "CT1", often(NOON))
    code, said = home("peers", "rhythm")
    assert code == 1
    assert "ct1  silent" in said
    assert "Sat  " + "▓▓" * 24 in said
    assert "Still learning: 0 of 3 weeks" in said
    code, said = home("peers", "rhythm", "mr1", "--json")
    assert (code, json.loads(said)["state"]) == (0, "learning")
    code, said = home("peers", "rhythm", "ct1", "--json")
    assert (code, json.loads(said)["state"], json.loads(said)["likely"]["Wed"][12]) == (1, "silent", 0.5)
    assert home("peers", "rhythm", "ct7")[0] == 2
    code, said = home("doctor")
    assert said.startswith("ct1: Silent since Mon 2026-03-02 12:00; too long for its rhythm at Mon 2026-03-02 14:15.")
    assert [each["peer"] for each in json.loads(home("doctor", "--json")[1])["silent"]] == ["ct1"]
    assert json.loads(home("doctor", "--json", "--peer", "mr1")[1])["silent"] == []
