"""The landing as a bar and a table for a terminal, and the same as JSON."""

from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from processors.ledger.occupancy import Occupancy, Part

_COLOURS: Final = {
    "open": "cyan",
    "sealed": "blue",
    "routed": "magenta",
    "unconfirmed": "yellow",
    "confirmed": "green",
    "ended": "bright_black",
    "held": "red",
    "packages": "green",
}
_WIDTH: Final = 60


def draw(found: Occupancy, now: float, console: Console | None = None) -> None:
    """Print the disk as one bar, then a line for each state."""
    console = console or Console()
    console.print(_disk(found), soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for name in ("", "state", "deliveries", "instances", "size", "oldest"):
        table.add_column(name, justify="left" if name in {"", "state"} else "right")
    for part in found.parts:
        age = "" if part.oldest_at is None else span((now - part.oldest_at) / 86400)
        counts = (f"{part.deliveries:,}", f"{part.instances:,}", size(part.size), age)
        table.add_row(Text("■", style=_COLOURS[part.state]), _called(part), *counts)
    if found.packages:
        table.add_row(Text("▪", style=_COLOURS["packages"]), "packages", "", "", size(found.packages), "")
    console.print(table)
    if found.oldest_unconfirmed_at is not None:
        console.print(f"oldest unconfirmed: {span((now - found.oldest_unconfirmed_at) / 86400)}")
    growth = f"received {size(found.received_per_day)} a day, removed {size(found.removed_per_day)} a day"
    console.print(f"{growth} (last 7 days)", soft_wrap=True)
    console.print(_eta(found), soft_wrap=True)


def to_json(found: Occupancy, now: float) -> dict[str, Any]:
    """The same in plain values: bytes, Unix seconds, days."""
    oldest = found.oldest_unconfirmed_at
    return {
        "parts": [asdict(part) for part in found.parts],
        "packages_bytes": found.packages,
        "landing_bytes": found.size,
        "oldest_unconfirmed_seconds": None if oldest is None else max(now - oldest, 0.0),
        "received_bytes_per_day": found.received_per_day,
        "removed_bytes_per_day": found.removed_per_day,
        "free_bytes": found.free,
        "reserve_bytes": found.reserve,
        "disk_bytes": found.total,
        "days_to_full": found.days_to_full,
        "days_to_full_if_nothing_is_confirmed": found.days_to_full_unconfirmed,
    }


def size(number: float) -> str:
    """Bytes in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:,.0f} {unit}" if unit == "B" else f"{number:,.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} TB"


def span(days: float) -> str:
    """Days in words that a person reads at a glance."""
    if days >= 2:
        return f"{days:,.0f} days"
    return f"{days * 24:.0f} h" if days * 24 >= 2 else f"{max(days, 0.0) * 1440:.0f} min"


def _disk(found: Occupancy) -> Text:
    bar = Text()
    whole = max(found.total, 1)
    drawn = 0
    for state, number in [*((part.state, part.size) for part in found.parts), ("packages", found.packages)]:
        cells = min(max(round(_WIDTH * number / whole), 1 if number else 0), _WIDTH - drawn)
        bar.append("█" * cells, style=_COLOURS[state])
        drawn += cells
    others = max(found.total - found.free - found.size, 0)
    cells = min(round(_WIDTH * others / whole), max(_WIDTH - drawn, 0))
    bar.append("▒" * cells, style="bright_black")
    bar.append("░" * max(_WIDTH - drawn - cells, 0), style="bright_black")
    return bar.append(f"  {size(found.free)} of {size(found.total)} free, {size(found.reserve)} kept in reserve")


def _eta(found: Occupancy) -> str:
    at_worst = found.days_to_full_unconfirmed
    worst = "" if at_worst is None else f"; {span(at_worst)} if nothing were confirmed from now on"
    if found.free <= found.reserve:
        return "full: objects are refused with A700 until there is room"
    return (f"full in {span(found.days_to_full)}" if found.days_to_full is not None else "does not grow") + worst


def _called(part: Part) -> str:
    return f"{part.state}: {part.reason}" if part.reason else part.state
