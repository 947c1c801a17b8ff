"""`sluice deid` and `sluice keys`."""

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from processors.deid.faces.commands import deface
from processors.delivery.replay_command import replay
from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.deid.folder import Outcome

_FEW_FILES = 64
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""What rules let a project be called; its chain is a folder of that name."""


@click.group()
def deid() -> None:
    """De-identify files, or explain what would happen to one."""


@deid.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path, file_okay=False))
@click.option("--key-file", type=click.Path(path_type=Path), help="What pseudonyms are derived from.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Instead of --key-file: use this home's key, and record the run in its audit chain of the project.",
)
@click.option("--profile", default="research-default", show_default=True, help="A shipped profile, or a YAML file.")
@click.option("--project", default="default", show_default=True, help="Whose pseudonyms; projects cannot be joined.")
@click.option(
    "--device-rules",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML: where devices burn text in, by what their headers say.",
)
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="JSON Lines of what was quarantined.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes; by default one a core.")
def apply(
    *,
    source: Path,
    target: Path,
    key_file: Path | None,
    home: Path | None,
    profile: str,
    project: str,
    device_rules: Path | None,
    report: Path | None,
    workers: int | None,
) -> None:
    """De-identify every file below IN into OUT, by the same relative names.

    A file that does not pass is absent from OUT; the report names it with a reason code. Images that may show text
    are cleaned where the profile says so, the extra `ocr` is installed or a rule of --device-rules says all; else they
    do not pass. Where the profile removes faces, whole series are staged in the folder for temporary files. Exit 0 when
    all files were looked at, whatever became of them.

    With --home, what was done is in the record that `sluice audit verify` verifies. With --key-file there is no home,
    so there is no chain and nobody to sign: `audit` is null, and the treatment is printed alone.
    """
    from processors.audit.applied import Applied
    from processors.audit.chain import Chain
    from processors.audit.signer import Signer
    from processors.deid import folder
    from processors.deid.burned_in.cleaner import pixel_cleaner
    from processors.deid.errors import TextDetectorMissingError
    from processors.deid.keys import KeyFile
    from processors.deid.marks import treatment_facts
    from processors.deid.profile import Profile
    from processors.deid.reasons import Reason
    from processors.site import Site

    folder.silence()
    folder.check(source, target)
    if (key_file is None) == (home is None):
        raise click.UsageError("Give either --key-file or --home.")
    if home and not _PROJECT.fullmatch(project):
        raise click.UsageError(f"No project can be called {project!r}, so there is no record of it.")
    site = Site.load(home / "trusted") if home else None
    key = KeyFile.load(site.key_file if site else key_file or Path())
    keys, loaded = key.project(project), Profile.load(profile)
    loaded.require_de_identifying()
    cleaner = pixel_cleaner(loaded, device_rules)
    treatment = {**treatment_facts(loaded, keys), **(cleaner.facts if cleaner else {})}
    record = Applied(Chain(site.audit, project, Signer(key)), source, treatment) if site else None
    files = len(folder.files_of(source))
    processes = workers or (1 if files < _FEW_FILES else os.cpu_count() or 1)
    if record:
        record.begin(files)
    outcomes = folder.apply(source, target, loaded, keys, workers=processes, device_rules=device_rules)
    with ExitStack() as stack:
        lines = stack.enter_context(_opened(report)) if report else None
        reasons: Counter[str] = Counter()
        for outcome in _progress(outcomes, files, stack):
            if record:
                record.add(outcome)
            if outcome.reason:
                reasons[outcome.reason] += 1
                if lines:
                    lines.write(json.dumps({"file": outcome.file, "reason": outcome.reason}) + "\n")
    passed = files - reasons.total()
    if without_detector := reasons[Reason.PIXELS_NO_DETECTOR]:
        click.echo(f"{without_detector} files may show text: {TextDetectorMissingError.remedy}", err=True)
    told = {"files": files, "passed": passed, "quarantined": dict(sorted(reasons.items()))}
    click.echo(json.dumps({**told, "treatment": treatment, "audit": record.end() if record else None}))


def _opened(report: Path) -> TextIO:
    from processors.deid.errors import OutputError

    try:
        return report.open("w", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"The report {report} cannot be written: {error.strerror}.") from error


def _progress(outcomes: "Iterable[Outcome]", total: int, stack: ExitStack) -> "Iterator[Outcome]":
    """The outcomes again, with a bar where a person watches."""
    if not sys.stderr.isatty():
        yield from outcomes
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = stack.enter_context(Progress(console=Console(stderr=True)))
    yield from bar.track(outcomes, total=total, description="de-identifying")


@deid.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--profile", default="research-default", show_default=True, help="A shipped profile, or a YAML file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of columns.")
def explain(file: Path, profile: str, *, as_json: bool) -> None:
    """Print each attribute of FILE, what would happen to it and why; no values."""
    from processors.deid import folder
    from processors.deid.explain import explain_file
    from processors.deid.profile import Profile

    folder.silence()
    explanation = explain_file(file, Profile.load(profile))
    verdict = f"withheld: {explanation.reason}" if explanation.reason else "passes"
    if as_json:
        click.echo(json.dumps({"verdict": verdict, "why": explanation.sentence}))
    else:
        click.echo(f"{verdict}. {explanation.sentence}")
    for each in explanation.decisions:
        if as_json:
            fields = {"tag": each.tag, "path": each.path, "vr": each.vr, "action": each.action, "why": each.why}
            click.echo(json.dumps(fields))
        else:
            click.echo(f"{each.tag} {each.vr} {each.action:<12} {each.path:<60} {each.why}")


@deid.command()
def profiles() -> None:
    """List the shipped profiles: name, version, the start of the digest, and what each is for."""
    from processors.deid.inherit import shipped
    from processors.deid.profile import Profile

    for profile in map(Profile.load, shipped()):
        codes = " ".join(option.code for option in profile.options) if not profile.identified else "identified"
        click.echo(f"{profile.name} {profile.version} {profile.digest[:12]} {codes or '-'}\n    {profile.about}")


@deid.command()
@click.argument("old")
@click.argument("new")
def diff(old: str, new: str) -> None:
    """Print what differs between two profiles (shipped names or YAML files), with all that they inherit."""
    from processors.deid.compare import differences
    from processors.deid.profile import Profile

    for line in differences(Profile.load(old), Profile.load(new)):
        click.echo(line)


deid.add_command(deface)


@click.group()
def keys() -> None:
    """Make the key that pseudonyms are derived from, keep it sealed, begin a project anew."""


@keys.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
def new(file: Path) -> None:
    """Write a new random key to FILE, readable by its owner alone."""
    from processors.deid.keys import KeyFile

    key = KeyFile.create(file)
    click.echo(json.dumps({"key": key.id, "epoch": key.epoch, "file": str(file)}))


@keys.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("command", metavar="[COMMAND...]", nargs=-1)
def wrap(file: Path, command: tuple[str, ...]) -> None:
    """Seal the secret in FILE by the key that COMMAND prints: 64 hexadecimal digits, from the site's secret provider.

    Again with another COMMAND, the wrapping key is rotated; without one, the secret lies in FILE itself again. No
    pseudonym changes. Whoever starts something runs COMMAND from then on, and without its key nothing starts:

        sluice keys wrap trusted/keys/site.key -- systemd-creds decrypt /etc/sluice/wrapping.cred
    """
    from processors.deid.keys import KeyFile

    key = KeyFile.load(file).wrapped_by(command)
    key.save(file)
    KeyFile.load(file)
    click.echo(json.dumps({"key": key.id, "file": str(file), "wrapped": bool(command)}))


@keys.command()
@click.argument("project")
@home_option
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
def epoch(project: str, home: Path, *, yes: bool) -> None:
    """Begin the next key epoch of PROJECT: from now on each patient, study and date of it is another one.

    Stop NiFi first. What was routed before keeps the epoch that it was pinned in; `sluice keys replay` queues it for
    the new one. The handoff makes no batch of two epochs: withdraw the shipments of the old one, or choose by
    `sluice batches form --key-epoch`. It cannot be taken back, and no other project, nor the vault, notices.
    """
    from processors.deid.errors import KeyInUseError
    from processors.deid.keys import KeyFile
    from processors.delivery.announce import holder_of
    from processors.site import Site

    holder = holder_of(home / "trusted")
    if holder:
        raise KeyInUseError(f"The key is in use: the landing is being announced by {holder}.")
    if not yes:
        click.confirm(f"Give every patient of {project} another pseudonym from now on?", abort=True, err=True)
    file = Site.load(home / "trusted").key_file
    key = KeyFile.load(file).begin_epoch(project)
    key.save(file)
    click.echo(json.dumps({"project": project, "key_epoch": key.project(project).epoch}))


keys.add_command(replay)
