"""What a command says: a table that fits the terminal, or JSON."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from handoff.contract.document import Document

Item = TypeVar("Item", bound=Document)
_PIPE_WIDTH = 200
"""Letters in a line that no terminal shows, so that nothing is cut for whoever reads it."""
_COLOURS = {
    "SUCCEEDED": "green",
    "complete": "green",
    "ready": "green",
    "FAILED": "red",
    "LOST": "red",
    "REJECTED": "red",
    "CANCELED": "yellow",
    "RUNNING": "cyan",
    "SUBMITTED": "cyan",
}


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column: its title, and what it shows of an item; numbers stand at the right."""

    title: str
    cell: Callable[[Item], object]


def say_list(
    items: Iterable[Item], columns: Sequence[Column[Item]], *, as_json: bool, most: int | None, none: str
) -> None:
    """Print the first items of a list.

    Args:
        items: in their order; no more are asked for than are shown.
        columns: of the table.
        as_json: one JSON array instead.
        most: how many; None means all.
        none: what to say when there are none.
    """
    asked = iter(items)
    shown = list(islice(asked, most))
    if as_json:
        click.echo(json.dumps([item.plain() for item in shown], indent=2))
        return
    if not shown:
        click.echo(none)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        number = all(isinstance(column.cell(item), int | float) for item in shown)
        table.add_column(column.title, justify="right" if number else "left", overflow="fold")
    for item in shown:
        table.add_row(*(cell(column.cell(item)) for column in columns))
    console().print(table)
    if most is not None and next(asked, None) is not None:
        click.echo(f"There are more; --limit {2 * most} shows them, --limit 0 all.")


def say_one(item: Document, facts: Iterable[tuple[str, object]], *, as_json: bool) -> None:
    """Print one thing, a fact a line; what is unknown or empty is left out."""
    if as_json:
        click.echo(json.dumps(item.plain(), indent=2))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", {}, ()):
            table.add_row(name, cell(value))
    console().print(table)


def cell(value: object) -> Text:
    """A value as people read it."""
    if isinstance(value, dict):
        text = ", ".join(f"{name} {_number(count)}" for name, count in value.items())
    elif isinstance(value, tuple | list):
        text = ", ".join(str(each) for each in value)
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    else:
        text = "" if value is None else _number(value)
    return Text(text, style=_COLOURS.get(text, ""))


def console() -> Console:
    """Where tables go: as wide as the terminal, or as wide as needed where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH, soft_wrap=False)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


LIMIT = click.option(
    "--limit",
    "-n",
    "most",
    default=50,
    show_default=True,
    type=click.IntRange(min=0),
    callback=lambda _context, _parameter, value: value or None,
    help="Most lines; 0 shows all.",
)

ID_ALONE = click.option("--quiet", "-q", "id_alone", is_flag=True, help="Print the id alone, for other commands.")
