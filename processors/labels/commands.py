"""`sluice labels`."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.labels.importing import Outcome

_SHOWN = 20
"""Listed lines that are printed; the report has all."""


@click.group()
def labels() -> None:
    """Bring what people know of images to the handoff, under pseudonyms."""


@labels.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--destination", required=True, metavar="NAME", help="Project or destination of rules.yaml, or both: d/p."
)
@click.option("--source", required=True, metavar="TEXT", help="Where the labels come from, such as radiology-2026.")
@click.option("--vocabulary", type=click.Path(path_type=Path), help="YAML: each label with its list of codes.")
@click.option("--dry-run", is_flag=True, help="Show what would happen; write nothing.")
@click.option("--report", type=click.Path(path_type=Path), help="Write each listed line here, as JSON lines (0600).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@home_option
def import_(
    *,
    file: Path,
    destination: str,
    source: str,
    vocabulary: Path | None,
    dry_run: bool,
    report: Path | None,
    as_json: bool,
    home: Path,
) -> None:
    """Import label rows from FILE, a CSV keyed by original ids.

    Key columns are PatientID, IssuerOfPatientID, AccessionNumber, StudyInstanceUID, SeriesInstanceUID and
    SOPInstanceUID, as many as there are; all other columns are labels. A line whose keys are wrong or ambiguous, or
    whose values are in doubt, is listed by its number with a reason, and nothing of it is imported.

    Exit code 0: all imported; 1: some lines are listed; 2: nothing could be done.
    """
    from processors.labels.importing import Order, run

    order = Order(file, destination, source, vocabulary, dry_run)
    with _Progress(visible=sys.stderr.isatty() and not as_json) as progress:
        outcome = run(home / "trusted", order, progress.advance)
    if report is not None:
        _write_report(report, outcome)
    if as_json:
        click.echo(json.dumps(outcome.to_json(), indent=2))
    else:
        _print(outcome, report)
    if outcome.judgement.listed:
        sys.exit(1)


class _Progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, *, visible: bool) -> None:
        self._visible = visible
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._visible:
            from rich.console import Console
            from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = TextColumn("lines"), MofNCompleteColumn(), TimeElapsedColumn()
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("lines", total=None)
        return self

    def advance(self, done: int, total: int) -> None:
        """So many more lines are looked at, of so many."""
        if self._bar is not None:
            self._bar.update(self._task, advance=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _write_report(path: Path, outcome: "Outcome") -> None:
    """One JSON object a listed line, with the columns concerned; for the person with the spreadsheet alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        for one in outcome.judgement.listed:
            entry = {"line": one.line, "reason": one.reason.value, "columns": list(one.columns)}
            file.write(json.dumps(entry) + "\n")


def _print(outcome: "Outcome", report: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from processors.labels.reasons import REASONS, Reason

    console = Console(highlight=False)
    judged = outcome.judgement
    for one in judged.listed[:_SHOWN]:
        console.print(f"line {one.line}: {one.reason.value}", soft_wrap=True)
    if len(judged.listed) > _SHOWN:
        where = f"{report} has all" if report else "--report FILE writes all"
        console.print(f"and {len(judged.listed) - _SHOWN} more lines; {where}", soft_wrap=True)
    if judged.listed:
        table = Table("listed because", "lines", "which means")
        table.columns[1].justify = "right"
        for code, number in judged.by_reason().items():
            table.add_row(code, str(number), REASONS[Reason(code)])
        console.print(table)
    console.print(outcome.sentence(), soft_wrap=True)
