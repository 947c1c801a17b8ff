"""`sluice deid deface`."""

import json
import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Where series go.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), help="JSON Lines, one object a series.")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, file_okay=False),
    help="PNG of each head's front before and after. They show patients: keep them in the trusted zone.",
)
@click.option("--heads-only", is_flag=True, help="Leave out series that are found to be no heads.")
def deface(*, folder: Path, out: Path, report: Path | None, pictures: Path | None, heads_only: bool) -> None:
    """Remove the faces and ears of heads in the CT and MR series below FOLDER, into --out, by the same names.

    A series passes as a whole or not at all: `defaced` when nothing of the face was left in a second look at the
    written files, `not-a-head` when header and geometry say so, and then it is copied. Every other verdict is a reason
    why it is absent: gaps, several volumes in one series, localizers, no face found. The report has the share of
    changed voxels and how far the cut stays from the cranial cavity.

    What is written is as identified as it was, but for the pixels; `sluice deid apply` with a profile whose
    `clean.visual_features` is on does this step and all the rest. No person, and no program that recognises faces, was
    asked whether heads of patients can still be recognised: see docs/faces.md. Exit 0 when all series were looked at.

        sluice deid deface landing/study --out defaced --report faces.jsonl --pictures trusted/faces
    """
    from processors.deid.faces.folder import deface_folder
    from processors.deid.folder import check, files_of, silence

    silence()
    check(folder, out)
    verdicts: Counter[str] = Counter()
    with ExitStack() as stack:
        lines = stack.enter_context(os.fdopen(_private(report), "w", encoding="utf-8")) if report else None
        if pictures:
            pictures.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number, series in enumerate(deface_folder(folder, files_of(folder), out, heads_only=heads_only), 1):
            verdicts[series.outcome.verdict.value] += 1
            said = series.said()
            if pictures and series.outcome.picture:
                said["picture"] = f"{number:04d}.png"
                with os.fdopen(_private(pictures / said["picture"]), "wb") as picture:
                    picture.write(series.outcome.picture)
            if lines:
                lines.write(json.dumps(said) + "\n")
    click.echo(json.dumps({"series": verdicts.total(), "verdicts": dict(sorted(verdicts.items()))}))


def _private(file: Path) -> int:
    """A new file that its owner alone may read.

    Raises:
        OutputError: it cannot be written.
    """
    from processors.deid.errors import OutputError

    try:
        file.unlink(missing_ok=True)
        return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}.") from error
