"""Which peers are silent: what each usually does, and how long it has been doing nothing.

| state | meaning |
|---|---|
| `ok` | it sent as recently as it usually does |
| `quiet` | half of what would be too long has passed |
| `silent` | too long for its rhythm |
| `learning` | not enough is known of it for an alarm |
| `unwatched` | the peers file says `expects: none` |
"""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from processors.downtime import Downtime
from processors.ledger.activity import Activity, heard, last_associations
from processors.ledger.callers import CallerName, Callers
from processors.ledger.rhythm import (
    FEWEST_HEARD,
    LONGEST_LOOK_WEEKS,
    QUARTER_SECONDS,
    Quiet,
    Rhythm,
    Week,
    exceeded_at,
    learn,
    weight,
)
from processors.peers import Peers

State = Literal["ok", "quiet", "silent", "learning", "unwatched"]

CLOCK_SKEW_SECONDS: Final = 300.0
"""What is further ahead of our clock than that was written while it was wrong."""
_DAY_SECONDS: Final = 86400.0
_LOOK_SECONDS: Final = LONGEST_LOOK_WEEKS * 7 * _DAY_SECONDS
_AGAIN_SECONDS: Final = 2 * _DAY_SECONDS
"""How far back each look reads: a delivery enters the ledger when it is sealed, which a crash delays to the restart."""
_FORESEEN_QUARTERS: Final = 28 * 96


@dataclass(frozen=True, slots=True)
class Standing:
    """How a peer stands at a moment."""

    caller: CallerName
    state: State
    rhythm: Rhythm
    last_at: float | None
    """Unix seconds of the last sign of an object; None if there never was one."""
    weight: float
    """Of the silence since then, in quarters that should have been heard."""
    alarm_at: float | None
    """Unix seconds: when its silence was too long, or will be if nothing comes. None if that is not foreseen."""

    @property
    def silent_since(self) -> float | None:
        """Unix seconds; None unless it is silent."""
        return self.last_at if self.state == "silent" else None


class Silences:
    """Judges all peers; learns anew each day and with each new peers file, and reads little at other times."""

    def __init__(self, peers: Callable[[], Peers], zone: ZoneInfo) -> None:
        """Judge whom `peers` names at each look, by the local time of `zone`."""
        self._peers, self._week = peers, Week(zone)
        self._learned_of: tuple[int, Peers] | None = None
        self._activities: dict[CallerName, Activity] = {}
        self._rhythms: dict[CallerName, tuple[Rhythm, Quiet]] = {}

    @property
    def week(self) -> Week:
        """Local time."""
        return self._week

    def look(self, ledger: sqlite3.Connection, now: float) -> list[Standing]:
        """How everybody stands now, by name; whoever cannot be watched is not in it.

        Args:
            ledger: The ledger.
            now: Unix seconds.
        """
        peers, until = self._peers(), now + CLOCK_SKEW_SECONDS
        occasion = (int(now // _DAY_SECONDS), peers)
        if self._learned_of != occasion:
            self._learn(ledger, peers, now, until)
            self._learned_of = occasion
        else:
            self._read(peers, heard(ledger, now - _AGAIN_SECONDS, until).items())
        return [self._standing(peers, caller, now) for caller in sorted(self._watched(peers))]

    def _learn(self, ledger: sqlite3.Connection, peers: Peers, now: float, until: float) -> None:
        self._activities.clear()
        self._rhythms.clear()
        self._week = Week(self._week.zone)  # so that what it remembers has an end
        self._read(peers, heard(ledger, now - _LOOK_SECONDS, until).items())
        recent = set(self._activities)
        callers = Callers(peers)
        for (title, address), last in last_associations(ledger, now - _LOOK_SECONDS):
            # Of a peer that has sent nothing for that long, the time before its last sign is what counts.
            caller = callers.name(title, address)
            if caller.is_known and caller not in recent:
                self._read(peers, heard(ledger, last - _LOOK_SECONDS, until, title).items())

    def _read(self, peers: Peers, found: Iterable[tuple[tuple[str, str], Activity]]) -> None:
        callers = Callers(peers)
        for (title, address), activity in found:
            self._activities.setdefault(callers.name(title, address), Activity()).add(activity)

    def _watched(self, peers: Peers) -> set[CallerName]:
        """Peers that may send; and if strangers may, those that sent enough to have a rhythm."""
        named = {CallerName(name, is_known=True) for name in peers.senders}
        if peers.senders and peers.receiver.unknown_callers == "reject":
            return named
        strangers = {
            caller
            for caller, activity in self._activities.items()
            if not caller.is_known and len(activity.quarters) >= FEWEST_HEARD
        }
        return named | strangers

    def _standing(self, peers: Peers, caller: CallerName, now: float) -> Standing:
        activity = self._activities.get(caller)
        rhythm, quiet = self._rhythm(peers, caller)
        last_at = activity.last_at if activity else None
        sender = peers.senders.get(caller.name) if caller.is_known else None
        if sender is not None and sender.sends.expects == "none":
            return Standing(caller, "unwatched", rhythm, last_at, 0.0, None)
        if last_at is None or not rhythm.is_learned:
            return Standing(caller, "learning", rhythm, last_at, 0.0, None)
        first, end = int(last_at // QUARTER_SECONDS) + 1, int(now // QUARTER_SECONDS)
        over = exceeded_at(rhythm, first, end + _FORESEEN_QUARTERS, self._week, quiet)
        alarm_at = None if over is None else float(over * QUARTER_SECONDS)
        if over is not None and over <= end:
            return Standing(caller, "silent", rhythm, last_at, rhythm.limit, alarm_at)
        passed = weight(rhythm, first, end, self._week, quiet)
        state: State = "quiet" if passed > rhythm.limit / 2 else "ok"
        return Standing(caller, state, rhythm, last_at, passed, alarm_at)

    def _rhythm(self, peers: Peers, caller: CallerName) -> tuple[Rhythm, Quiet]:
        if caller not in self._rhythms:
            sender = peers.senders.get(caller.name) if caller.is_known else None
            planned = (*peers.receiver.quiet, *(sender.sends.quiet if sender else ()))
            quiet = _quiet(planned, self._week.zone)
            activity = self._activities.get(caller)
            self._rhythms[caller] = (learn(activity.quarters if activity else (), self._week, quiet), quiet)
        return self._rhythms[caller]


def _quiet(planned: tuple[Downtime, ...], zone: ZoneInfo) -> Quiet:
    if not planned:
        return lambda _: False

    @cache
    def covered(quarter: int) -> bool:
        at = datetime.fromtimestamp(quarter * QUARTER_SECONDS, zone)
        return any(downtime.covers(at) for downtime in planned)

    return covered
