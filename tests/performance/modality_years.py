"""Years of invented modalities, to see how often the silence alarm is wrong and how soon it is right.

    python -m tests.performance.modality_years [YEARS]

Each modality lives by the local time of Vienna, with its holidays and both changes of the clocks. The alarm learns anew
each day from what came before, as the receiver does.
"""

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from processors.ledger.rhythm import LONGEST_LOOK_WEEKS, QUARTER_SECONDS, Quiet, Week, learn

ZONE = ZoneInfo("Europe/Vienna")
FIRST, DAYS, LEARNING_DAYS = date(2025, 1, 1), 365, 56
HOLIDAYS = frozenset(
    date.fromisoformat(each)
    for each in (
        "2025-01-01", "2025-01-06", "2025-04-21", "2025-05-01", "2025-05-29", "2025-06-09", "2025-06-19", "2025-08-15",
        "2025-10-26", "2025-11-01", "2025-12-08", "2025-12-24", "2025-12-25", "2025-12-26", "2025-12-31",
        "2024-11-01", "2024-12-24", "2024-12-25", "2024-12-26", "2024-12-31",
    )
)  # fmt: skip
_DAY = 96
_LOOK = LONGEST_LOOK_WEEKS * 7 * _DAY


@dataclass(frozen=True)
class Modality:
    """How a modality works."""

    name: str
    exams: Callable[[random.Random, date], Iterator[float]]
    """Local hours of a day at which exams begin; each is sent over some minutes."""
    rests_on_holidays: bool = True
    vacation: tuple[date, date] | None = None
    """First and last day without exams."""


def emergency_ct(dice: random.Random, day: date) -> Iterator[float]:
    """Day and night, by chance; busier by day, and some days busier than others."""
    load, weekend = dice.lognormvariate(0, 0.25), 0.7 if day.weekday() > 4 else 1.0
    for hour in range(24):
        rate = (0.5 if hour < 7 else 4.0 if hour < 17 else 1.5) * load * weekend
        yield from (hour + dice.random() for _ in range(_poisson(dice, rate)))


def weekday_mr(dice: random.Random, day: date) -> Iterator[float]:
    """Appointments every 40 minutes from 7 to 19 h on weekdays, a break at noon, one in ten does not come."""
    if day.weekday() > 4:
        return
    at = 7.0 + dice.uniform(0, 0.7)
    while at < 19:
        if dice.random() > 0.1 and not 12 <= at < 12.7:
            yield at
        at += dice.gauss(0.67, 0.12)


def mammography(dice: random.Random, day: date) -> Iterator[float]:
    """Tuesdays and Thursdays from 8 to 14 h, every 20 minutes, three in twenty do not come."""
    if day.weekday() not in {1, 3}:
        return
    at = 8.0 + dice.uniform(0, 0.5)
    while at < 14:
        if dice.random() > 0.15:
            yield at
        at += dice.gauss(0.33, 0.08)


def theatre(dice: random.Random, day: date) -> Iterator[float]:
    """A C-arm: none to a few series on weekdays, at any time of the working day."""
    if day.weekday() < 5:
        yield from (dice.uniform(8, 16) for _ in range(_poisson(dice, 1.2)))


MODALITIES = (
    Modality("CT, day and night", emergency_ct, rests_on_holidays=False),
    Modality("MR, weekdays", weekday_mr),
    Modality("mammography, two days a week", mammography, vacation=(date(2025, 7, 21), date(2025, 8, 3))),
    Modality("C-arm, now and then", theatre),
)


@dataclass
class Life:
    """One invented modality-year: the quarters in which something came, with eight weeks before it."""

    modality: Modality
    seed: int
    knows_holidays: bool
    week: Week = field(default_factory=lambda: Week(ZONE))

    def __post_init__(self) -> None:
        dice = random.Random(f"{self.modality.name} {self.seed}")
        self.heard = sorted({int(at // QUARTER_SECONDS) for at in self._objects(dice)})

    @property
    def quiet(self) -> Quiet:
        """What the peers file would call quiet."""
        planned = {day.toordinal() for day in self._free_days()} if self.knows_holidays else set()
        return lambda quarter: self.week.place(quarter)[1] in planned

    def _objects(self, dice: random.Random) -> Iterator[float]:
        free = set(self._free_days())
        for number in range(-LEARNING_DAYS, DAYS):
            day = FIRST + timedelta(number)
            if day in free:
                continue
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZONE)
            for hour in self.modality.exams(dice, day):
                begin = (midnight + timedelta(hours=hour)).timestamp()
                yield from (begin + 60 * minute for minute in range(0, dice.randint(3, 12), 3))

    def _free_days(self) -> Iterator[date]:
        if self.modality.rests_on_holidays:
            yield from HOLIDAYS
        if self.modality.vacation:
            first, last = self.modality.vacation
            yield from (first + timedelta(number) for number in range((last - first).days + 1))


@dataclass
class Found:
    """What became of one life."""

    false_alarms: int
    learned_days: int
    waited: list[float]
    """Hours from each failure to its alarm."""
    worked: list[float]
    """Of these, hours in which something was to be expected: two in ten quarters or more."""


def live(life: Life, failures: int = 6, learn_each_days: int = 1) -> Found:
    """Go through the year quarter by quarter; then let it fail at a few moments, each time from a whole past."""
    begin, quiet, week = _quarter(FIRST), life.quiet, life.week
    heard, learned, false = set(life.heard), 0, 0
    silent, total, rhythm = False, 0.0, None
    rhythms = {}
    for quarter in range(begin, begin + DAYS * _DAY):
        if (quarter - begin) % (learn_each_days * _DAY) == 0:
            past = [each for each in life.heard if quarter - _LOOK <= each < quarter]
            rhythm = learn(past, week, quiet)
            rhythms[quarter] = rhythm
            learned += learn_each_days * rhythm.is_learned
        if rhythm is None or quarter in heard:
            total, silent = 0.0, False
            continue
        total += 0.0 if quiet(quarter) else rhythm.likely[week.place(quarter)[0]]
        if rhythm.is_learned and total > rhythm.limit and not silent:
            silent, false = True, false + 1
    found = Found(false, learned, [], [])
    dice = random.Random(f"failures {life.modality.name} {life.seed}")
    for _ in range(failures):
        at = dice.choice([each for each in life.heard if begin <= each < begin + (DAYS - 30) * _DAY])
        rhythm = rhythms[at - (at - begin) % (learn_each_days * _DAY)]
        if not rhythm.is_learned:
            continue
        total = worked = 0.0
        for quarter in range(at + 1, at + 60 * _DAY):
            likely = rhythm.likely[week.place(quarter)[0]]
            total += 0.0 if quiet(quarter) else likely
            worked += likely >= 0.2
            if total > rhythm.limit:
                found.waited.append((quarter - at) / 4)
                found.worked.append(worked / 4)
                break
    return found


def _quarter(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() // QUARTER_SECONDS)


def _poisson(dice: random.Random, mean: float) -> int:
    number, total = 0, dice.expovariate(1.0)
    while total < mean:
        number, total = number + 1, total + dice.expovariate(1.0)
    return number


def main(years: int = 5) -> None:
    """Print the table."""
    print(f"{years} years of each; hours are wall time, and in brackets those in which it works")
    for modality in MODALITIES:
        for knows in (True, False):
            all_ = [live(Life(modality, seed, knows)) for seed in range(years)]
            waited = sorted(hours for found in all_ for hours in found.waited)
            worked = sorted(hours for found in all_ for hours in found.worked)
            false = sum(found.false_alarms for found in all_) / years
            told = "holidays in the file" if knows else "holidays unknown    "
            line = f"{modality.name:30} {told} false alarms a year {false:5.2f}"
            if waited:
                late = int(0.9 * (len(waited) - 1))
                line += f"  detected after {median(waited):5.1f} h ({median(worked):3.1f}),"
                line += f" 9 of 10 within {waited[late]:5.1f} h ({worked[late]:3.1f})"
            print(line, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
