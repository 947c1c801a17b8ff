"""A day's report for people: one line for each modality, one for each thing that does not agree."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from processors.dicom.causes import printable
from processors.ledger.by_peer import FATES, Account
from processors.ledger.day_report import DayReport

if TYPE_CHECKING:
    from processors.pull.day_count import DayCount


def print_day(report: DayReport, counts: "Sequence[DayCount] | None", pacs: str = "") -> None:
    """Print the report, and what the PACS of that name counted, if it was asked."""
    console = Console()
    _accounts(console, report)
    open_now = sum(account.open_now for account in report.accounts)
    if open_now:
        console.print(f"{open_now} associations are still open: what they hold is not all in these numbers.")
    for gap in report.gaps:
        console.print(f"[red]gap[/red] {gap.kind} {gap.subject} {gap.detail}".rstrip(), soft_wrap=True)
    if counts is not None:
        _counts(console, counts, pacs)
    console.print(f"{len(report.gaps)} gaps" if report.gaps else "the sums agree")


def _accounts(console: Console, report: DayReport) -> None:
    shown = [fate for fate in FATES if any(account.fates[fate] for account in report.accounts)]
    listed = ("stated", "of these here") if any(account.stated for account in report.accounts) else ()
    numbers = ("associations", "offered", "acknowledged", "refused", *shown, "handed off", "MB", *listed)
    table = Table("peer", *numbers, "first", "last", title=str(report.stretch))
    for column in table.columns[1 : 1 + len(numbers)]:
        column.justify = "right"
    zone, several = report.stretch.zone, report.stretch.first != report.stretch.last
    for account in report.accounts:
        table.add_row(*_row(account, shown, zone, several=several, listed=bool(listed)))
    console.print(table)


def _row(account: Account, shown: Sequence[str], zone: ZoneInfo, *, several: bool, listed: bool) -> list[str]:
    name = printable(account.caller.name) or "?"
    refused = str(account.refused.total())
    if account.refused:
        refused += " (" + ", ".join(f"{status:04X} {n}" for status, n in sorted(account.refused.items())) + ")"
    moments = ["-" if at is None else _moment(at, zone, several=several) for at in (account.first_at, account.last_at)]
    return [
        name if account.caller.is_known else f"{name} (not in the peers file)",
        str(account.associations),
        str(account.offered),
        str(account.acknowledged),
        refused,
        *(str(account.fates[fate]) for fate in shown),
        str(account.handed_off),
        f"{account.bytes / 1e6:.1f}",
        *([str(account.stated), str(account.stated_here)] if listed else []),
        *moments,
    ]


def _moment(at: float, zone: ZoneInfo, *, several: bool) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%m-%d %H:%M:%S" if several else "%H:%M:%S")


def _counts(console: Console, counts: "Sequence[DayCount]", pacs: str) -> None:
    table = Table(
        "brought by", "studies", f"instances at {pacs}", "here", "incomplete studies", title=f"As {pacs} counts"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for each in counts:
        name = printable(each.peer) or "nobody: not here"
        table.add_row(name, str(each.studies), str(each.there), str(each.here), str(each.incomplete))
    console.print(table)
