"""A peer's week for people: one line a day, one block an hour, the fuller the likelier something comes."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.text import Text

from processors.dicom.causes import printable
from processors.ledger.rhythm import FEWEST_HEARD, FEWEST_WEEKS
from processors.ledger.silence import Standing

_BLOCKS = "·░▒▓█"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_STYLES = {"silent": "bold red", "quiet": "yellow", "ok": "green"}
_EXPECTED = 0.01


def print_rhythms(standings: Sequence[Standing], zone: ZoneInfo) -> None:
    """Print everybody's week and how it stands."""
    console = Console(highlight=False)
    for standing in standings:
        console.print(Text.assemble(printable(standing.caller.name), "  ", _in_style(standing)), soft_wrap=True)
        console.print(Text(f"  {sentence(standing, zone)}"), soft_wrap=True)
        if standing.rhythm.is_learned:
            console.print("       0     3     6     9     12    15    18    21")
            for day, name in enumerate(_DAYS):
                console.print(f"  {name}  " + "".join(_hours(standing, day)))
        console.print()


def sentence(standing: Standing, zone: ZoneInfo) -> str:
    """How a peer stands, in words."""
    last = "never" if standing.last_at is None else _moment(standing.last_at, zone)
    words = {
        "unwatched": f"Nothing is expected of it (`expects: none`); last heard {last}.",
        "learning": (
            f"Still learning: {standing.rhythm.weeks} of {FEWEST_WEEKS} weeks and {standing.rhythm.heard} of"
            f" {FEWEST_HEARD} quarters of an hour with an object; last heard {last}."
        ),
        "silent": f"Silent since {last}; too long for its rhythm at {_foreseen(standing, zone)}.",
        "quiet": f"Last heard {last}; if nothing comes, silent from {_foreseen(standing, zone)} on.",
        "ok": f"Last heard {last}; if nothing came, silent from {_foreseen(standing, zone)} on.",
    }
    return words[standing.state]


def facts(standing: Standing) -> dict[str, object]:
    """For scripts; times in Unix seconds, weights in quarters of an hour that should have been heard."""
    rhythm = standing.rhythm
    return {
        "peer": standing.caller.name,
        "in_peers_file": standing.caller.is_known,
        "state": standing.state,
        "last_at": standing.last_at,
        "silent_since": standing.silent_since,
        "alarm_at": standing.alarm_at,
        "weight": round(standing.weight, 3),
        "limit": round(rhythm.limit, 3) if rhythm.is_learned else None,
        "weeks": rhythm.weeks,
        "heard": rhythm.heard,
        "likely": {
            name: [round(rhythm.likely[24 * day + hour], 3) for hour in range(24)] for day, name in enumerate(_DAYS)
        },
    }


def _hours(standing: Standing, day: int) -> Iterator[str]:
    for hour in range(24):
        likely = standing.rhythm.likely[24 * day + hour]
        step = 0 if likely < _EXPECTED else 1 + min(int(likely * (len(_BLOCKS) - 1)), len(_BLOCKS) - 2)
        yield _BLOCKS[step] * 2


def _in_style(standing: Standing) -> tuple[str, str]:
    return standing.state, _STYLES.get(standing.state, "")


def _foreseen(standing: Standing, zone: ZoneInfo) -> str:
    return "no time that can be foreseen" if standing.alarm_at is None else _moment(standing.alarm_at, zone)


def _moment(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%a %Y-%m-%d %H:%M")
