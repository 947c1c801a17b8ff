"""`sluice pull` and `sluice expect`."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from processors.home_option import home_option
from processors.hours import Hours

if TYPE_CHECKING:
    from processors.peers import Peer
    from processors.pull.fetched import Fetched
    from processors.pull.pace import Pace
    from processors.pull.plan import Portion
    from processors.pull.report import Report
    from processors.pull.run import Fetch, Summary


class Day(click.ParamType[date]):
    """A day as 2026-11-21 or 20261121."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read it."""
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail("a day is written as 2026-11-21", param, ctx)


class HoursType(click.ParamType[Hours]):
    """Hours as 22:00-05:00."""

    name = "hours"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Hours:
        """Read it."""
        try:
            return Hours.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _host_and_port(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.BadParameter("write it as HOST:PORT")
    return host, int(port)


def _plain_word(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise click.BadParameter("up to 64 letters, digits, dots, hyphens and underscores, and no dot first")
    return value


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what is asked for, the same for each command that asks a peer."""
    for option in reversed(
        (
            click.argument("peer"),
            click.option(
                "--list",
                "list_file",
                type=click.Path(path_type=Path, dir_okay=False),
                help="CSV of PatientID, AccessionNumber, StudyInstanceUID; the first line names the columns.",
            ),
            click.option("--from", "first_day", type=Day(), help="First StudyDate."),
            click.option("--to", "last_day", type=Day(), help="Last StudyDate."),
            click.option("--modality", help="Only studies that have this modality."),
            click.option("--description", help="StudyDescription; * and ? are wildcards."),
            click.option("--json", "as_json", is_flag=True, help="JSON lines; also when stdout is no terminal."),
            home_option,
        )
    ):
        command = option(command)
    return command


@click.command()
@asking
@click.option("--by", type=click.Choice(["move", "get"]), default="move", show_default=True, help="C-MOVE or C-GET.")
@click.option(
    "--receiver",
    default="127.0.0.1:11112",
    show_default=True,
    callback=_host_and_port,
    help="With --by get: where our receiver listens; it stores what comes.",
)
@click.option(
    "--job", "job_name", callback=_plain_word, help="What the job is called; default: a digest of what is asked for."
)
@click.option("--dry-run", is_flag=True, help="Only count what is there, and what of it is here.")
@click.option("--studies-per-minute", type=click.FloatRange(0, min_open=True), help="Limit; default: the peer's.")
@click.option("--objects-per-second", type=click.FloatRange(0, min_open=True), help="Limit; default: the peer's.")
@click.option("--between", type=HoursType(), help="Ask only in these hours, as 22:00-05:00; default: the peer's.")
def pull(
    *,
    peer: str,
    list_file: Path | None,
    first_day: date | None,
    last_day: date | None,
    modality: str | None,
    description: str | None,
    as_json: bool,
    home: Path,
    by: str,
    receiver: tuple[str, int],
    job_name: str | None,
    dry_run: bool,
    studies_per_minute: float | None,
    objects_per_second: float | None,
    between: Hours | None,
) -> None:
    """Fetch studies from a peer of peers.yaml into the receiver. Exit 0 only when all came that was asked for.

    Whatever ends it, the same command goes on where it was, and does not fetch again what is here.
    """
    from processors.ledger.schema import connect_readonly
    from processors.peers import Peers
    from processors.pull.job import Job
    from processors.pull.pace import Pace
    from processors.pull.question import Filter, digest_of, questions_of
    from processors.pull.report import Report
    from processors.pull.run import Pull, ask
    from processors.site import Site

    site = Site.load(home / "trusted")
    asked = Peers.load(site.home).get(peer)
    questions = questions_of(list_file, Filter(first_day, last_day, modality, description))
    digest = digest_of(asked.name, questions)
    folder = site.home / "pulls" / (job_name or f"{asked.name}-{digest[:12]}")
    report = Report.to_stdout(as_json=as_json)
    pace = Pace(
        zone=ZoneInfo(site.time_zone),
        between=between or asked.between,
        studies_per_minute=studies_per_minute or asked.studies_per_minute,
        objects_per_second=objects_per_second or asked.objects_per_second,
        tell=lambda why, seconds: report.say("waiting", f"waiting: {why}", seconds=round(seconds), why=why),
    )
    with (
        closing(connect_readonly(site.ledger)) as ledger,
        Job.passing() if dry_run else Job.open(folder, digest) as job,
    ):
        began = time.monotonic()
        pace.before_request()
        ask(asked, questions, job)
        fetch = _fetch(asked, by, receiver, pace, folder / "object.part")
        run = Pull(asked, fetch, by_class=by == "get", job=job, ledger=ledger, pace=pace, report=report)
        _say_found(report, folder.name, run.summary())
        if dry_run:
            return
        summary = run.run()
        hint = (
            f"does it know {asked.move_destination} as a destination?" if summary.nothing_sent and by == "move" else ""
        )
        _say_finished(report, summary, time.monotonic() - began, job.write_failures(), hint)
    if not summary.complete:
        sys.exit(1)


def _fetch(peer: Peer, by: str, receiver: tuple[str, int], pace: Pace, part: Path) -> Fetch:
    from processors.pull.get import get, receiver_at
    from processors.pull.move import move

    ours = receiver_at(peer, *receiver)

    def by_get(portion: Portion, heard: Callable[[Fetched], None]) -> Fetched:
        def heard_slowly(so_far: Fetched) -> None:
            heard(so_far)
            pace.after_objects(1)

        return get(peer, ours, portion, part, heard_slowly)

    return by_get if by == "get" else lambda portion, heard: move(peer, portion, heard)


def _say_found(report: Report, job: str, summary: Summary) -> None:
    report.say(
        "found",
        f"{summary.studies} studies with {summary.expected} instances, {summary.here} of them here (job {job})"
        + _unanswered(summary),
        job=job,
        studies=summary.studies,
        expected=summary.expected,
        here=summary.here,
        lines_without_study=list(summary.unanswered),
    )


def _say_finished(report: Report, summary: Summary, seconds: float, failures: Path | None, hint: str) -> None:
    words = f"{summary.done} of {summary.studies} studies, {summary.here} of {summary.expected} instances are here"
    words += f", in {seconds:.1f} s" + _unanswered(summary)
    words += f"; what failed is named in {failures}" if failures else ""
    words += f"; the peer sent nothing at all: {hint}" if hint else ""
    report.say(
        "finished",
        words,
        studies=summary.studies,
        done=summary.done,
        failed=summary.failed,
        expected=summary.expected,
        here=summary.here,
        seconds=round(seconds, 3),
        lines_without_study=list(summary.unanswered),
        failures=str(failures) if failures else None,
        hint=hint or None,
    )


def _unanswered(summary: Summary) -> str:
    if not summary.unanswered:
        return ""
    named = ", ".join(map(str, summary.unanswered[:20]))
    return f"; the peer has no study for {len(summary.unanswered)} lines: {named}"


@click.command()
@asking
@click.option("--open", "days", type=click.FloatRange(0, min_open=True), help="Studies received in the last DAYS.")
def expect(
    *,
    peer: str,
    list_file: Path | None,
    first_day: date | None,
    last_day: date | None,
    modality: str | None,
    description: str | None,
    as_json: bool,
    home: Path,
    days: float | None,
) -> None:
    """Ask a peer how many instances its studies have; the handoff then closes a study when so many have arrived.

    Exit 1 when a study that was asked for is not there, or has more instances there than here.
    """
    from processors.ledger.schema import connect
    from processors.peers import Peers
    from processors.pull.errors import NothingAskedError
    from processors.pull.expect import expect as ask
    from processors.pull.expect import recent
    from processors.pull.question import Filter, questions_of
    from processors.pull.report import Report
    from processors.site import Site

    site = Site.load(home / "trusted")
    asked = Peers.load(site.home).get(peer)
    chosen = Filter(first_day, last_day, modality, description)
    if days is not None and (list_file or chosen.keys()):
        raise click.UsageError("--open asks for what is here; leave list, window and filters away")
    report = Report.to_stdout(as_json=as_json)
    whole = missing = absent = 0
    with closing(connect(site.ledger)) as ledger:
        questions = recent(ledger, days, time.time()) if days is not None else questions_of(list_file, chosen)
        if not questions and days is None:
            raise NothingAskedError("There is nothing to ask for.")
        for question, counted in ask(asked, questions, ledger):
            where = f"line {question.number}" if question.number and days is None else "a study"
            if not counted and question.number:
                absent += 1
                report.say("absent", f"{where}: the peer has no such study", line=question.number)
            for one in counted:
                is_whole = one.here >= one.expected
                whole, missing = whole + is_whole, missing + (not is_whole)
                words = f"{where}: {one.expected} instances there, {one.here} here"
                report.say("counted", words, line=question.number, expected=one.expected, here=one.here)
    words = f"{whole} studies are here whole, {missing} are not; {absent} are not at the peer"
    report.say("finished", words, whole=whole, missing=missing, absent=absent)
    if missing or absent:
        sys.exit(1)
