"""When a peer usually sends, learned from when it sent, and how long a silence is too long for it.

Time is cut into quarters of an hour; one in which something came is *heard*. Silence is not measured in hours: a
quarter weighs as much as it is likely to be heard (by hour of the week, local time), so a night without staff weighs
nothing. The weight of a silence is the number of quarters that one should have heard meanwhile.

    1. The last `WEEKS` weeks in which anything was heard are looked at, up to the last quarter heard and not up to now:
       what is silent stays silent and does not become the rule.
    2. A day that brought less than a quarter of what its weekday usually brings (a holiday, a failure) is left out,
       and so is what the peers file calls quiet.
    3. The likelihood of each hour of the week is the share of its quarters that were heard.
    4. The weights of all silences between quarters heard have a tail; it is taken as exponential, by the median of what
       is beyond the 90th percentile, which one failure in the middle of a day cannot move. The limit is where this
       tail would be crossed `FALSE_ALARMS_A_YEAR` times a year, and never below the second longest silence that was.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

QUARTER_SECONDS: Final = 900
"""No zone's offset is a fraction of it, so a quarter lies in one hour of the week."""
WEEKS: Final = 8
LONGEST_LOOK_WEEKS: Final = 16
"""Weeks without anything are skipped, but no further back than that."""
FEWEST_WEEKS: Final = 3
FEWEST_HEARD: Final = 40
"""Quarters; with fewer there is no tail to speak of."""
FALSE_ALARMS_A_YEAR: Final = 0.5
HEAVIER: Final = 1.3
"""How much longer the tail is than eight weeks show: some days are emptier than others."""
LEAST_WEIGHT: Final = 4.0
"""Quarters that should have been heard; a silence of less is never too long, however regular a peer is."""

_HOURS: Final = 168
_DAY_QUARTERS: Final = 96
_WEEK_QUARTERS: Final = 7 * _DAY_QUARTERS
_LOW_DAY: Final = 0.25
_FEWEST_OF_A_DAY: Final = 4
_TAIL: Final = 0.1

Quiet = Callable[[int], bool]
"""Whether a quarter (since 1970, UTC) is in planned downtime."""


class Week:
    """Which hour of the local week a quarter lies in, and on which day; shared by all peers of a site."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._known: dict[int, tuple[int, int]] = {}

    def place(self, quarter: int) -> tuple[int, int]:
        """Hour of the week (Monday's first is 0) and proleptic day; both hours of a clock set back are one."""
        if quarter not in self._known:
            at = datetime.fromtimestamp(quarter * QUARTER_SECONDS, self.zone)
            self._known[quarter] = (at.weekday() * 24 + at.hour, at.toordinal())
        return self._known[quarter]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is usual for one peer."""

    likely: tuple[float, ...]
    """For each hour of the local week, from Monday 0 h: the share of its quarters in which something comes."""
    limit: float
    """Weight of a silence that is too long."""
    usual: float
    """Weight that nine of ten silences stay below, no matter how long they take."""
    weeks: int
    heard: int
    """How many weeks, and quarters in which something came, it was learned from."""

    @property
    def is_learned(self) -> bool:
        """Whether there was enough to learn from."""
        return self.weeks >= FEWEST_WEEKS and self.heard >= FEWEST_HEARD


def learn(heard: Iterable[int], week: Week, quiet: Quiet = lambda _: False) -> Rhythm:
    """Learn from the quarters in which something came.

    Args:
        heard: Quarters since 1970, UTC; in any order, those of the last `LONGEST_LOOK_WEEKS` weeks are enough.
        week: Local time.
        quiet: Planned downtime, which teaches nothing.
    """
    known = {quarter for quarter in heard if not quiet(quarter)}
    if not known:
        return Rhythm((0.0,) * _HOURS, math.inf, 0.0, 0, 0)
    quarters = [quarter for quarter in _looked_at(known) if not quiet(quarter)]
    low = _low_days(quarters, known, week)
    quarters = [quarter for quarter in quarters if week.place(quarter)[1] not in low]
    likely = _likely(quarters, known, week)
    weights = _silences(quarters, known, likely, week)
    inside = sum(quarter in known for quarter in quarters)
    limit, usual = _limit(weights, len(quarters))
    return Rhythm(likely, limit, usual, round(len(quarters) / _WEEK_QUARTERS), inside)


def weight(rhythm: Rhythm, first: int, end: int, week: Week, quiet: Quiet = lambda _: False) -> float:
    """How many quarters should have been heard from `first` up to and without `end`."""
    return sum(rhythm.likely[week.place(each)[0]] for each in range(first, end) if not quiet(each))


def exceeded_at(rhythm: Rhythm, first: int, end: int, week: Week, quiet: Quiet = lambda _: False) -> int | None:
    """The quarter at whose end a silence from `first` on was too long; None if it is not before `end`."""
    total = 0.0
    for each in range(first, end):
        total += 0.0 if quiet(each) else rhythm.likely[week.place(each)[0]]
        if total > rhythm.limit:
            return each + 1
    return None


def _looked_at(known: Collection[int]) -> list[int]:
    """All quarters of the last weeks in which anything was heard, oldest first."""
    last, first = max(known), min(known)
    kept: list[range] = []
    for back in range(LONGEST_LOOK_WEEKS):
        end = last + 1 - back * _WEEK_QUARTERS
        begin = max(end - _WEEK_QUARTERS, first)
        if begin < end and any(each in known for each in range(begin, end)):
            kept.append(range(begin, end))
        if len(kept) == WEEKS or begin == first:
            break
    return [quarter for part in reversed(kept) for quarter in part]


def _low_days(quarters: list[int], known: Collection[int], week: Week) -> set[int]:
    """Days on which far less came than is usual on their weekday."""
    totals: dict[int, int] = defaultdict(int)
    for quarter in quarters:
        totals[week.place(quarter)[1]] += quarter in known
    by_weekday: dict[int, list[int]] = defaultdict(list)
    for day, total in totals.items():
        by_weekday[day % 7].append(total)
    middle = {weekday: median(found) for weekday, found in by_weekday.items()}
    return {
        day
        for day, total in totals.items()
        if middle[day % 7] >= _FEWEST_OF_A_DAY and total < _LOW_DAY * middle[day % 7]
    }


def _likely(quarters: list[int], known: Collection[int], week: Week) -> tuple[float, ...]:
    seen, heard = [0] * _HOURS, [0] * _HOURS
    for quarter in quarters:
        hour = week.place(quarter)[0]
        seen[hour] += 1
        heard[hour] += quarter in known
    return tuple(one / all_ if all_ else 0.0 for one, all_ in zip(heard, seen, strict=True))


def _silences(quarters: list[int], known: Collection[int], likely: tuple[float, ...], week: Week) -> list[float]:
    """The weights of the silences between quarters that were heard, those of no length among them."""
    weights, total = [], 0.0
    for quarter in quarters:
        if quarter in known:
            weights.append(total)
            total = 0.0
        else:
            total += likely[week.place(quarter)[0]]
    return weights


def _limit(weights: list[float], quarters: int) -> tuple[float, float]:
    """The weight that is too much, and the one that is usual."""
    ordered = sorted(weights)
    usual = ordered[int((1 - _TAIL) * (len(ordered) - 1))]
    beyond = [each - usual for each in ordered if each > usual]
    if not beyond:
        return max(LEAST_WEIGHT, usual), usual
    mean = HEAVIER * median(beyond) / math.log(2)
    a_year = len(beyond) * 365.25 * _DAY_QUARTERS / quarters
    limit = usual + mean * math.log(max(a_year / FALSE_ALARMS_A_YEAR, 1.0))
    second = ordered[-2] if len(ordered) > 1 else 0.0
    return max(LEAST_WEIGHT, limit, second), usual
