"""`sluice demo`."""

import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import click


@click.command()
@click.option(
    "--study",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Infer on the studies in this folder instead of the phantom's unseen patients.",
)
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the outcome here.")
@click.option("--keep", is_flag=True, help="Leave everything running and print the addresses, until Ctrl-C.")
@click.option(
    "--pacs/--no-pacs", default=None, help="Send results back into a PACS (Orthanc); default: where it is installed."
)
@click.option(
    "--registry/--no-registry",
    default=None,
    help="Publish the release in NiFi Registry and deploy it from there; default: where it can be had.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="SLUICE_HOME",
    default=Path(".sluice"),
    show_default=True,
    help="The run gets a fresh folder in here.",
)
def demo(
    *, study: Path | None, json_file: Path | None, keep: bool, pacs: bool | None, registry: bool | None, home: Path
) -> None:
    """Run the whole way, from a modality to a training run, and count.

    Exit 0 only if every count closes, the runs succeeded, the model is clearly better than any threshold, and all
    results came back.
    """
    from rich.console import Console

    from sluice.demo.material import own_files
    from sluice.demo.narrate import Narrator
    from sluice.demo.orthanc import program
    from sluice.demo.play import play
    from sluice.demo.processes import Crew
    from sluice.demo.report import show, verdict
    from sluice.demo.run_home import make_run_home

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    narrator = Narrator(Console(width=None if sys.stdout.isatty() else 160))
    own = own_files(study) if study else ()
    run = make_run_home(home)
    narrator.say(f"This run keeps everything in {run.root}")
    with contextlib.ExitStack() as ending:
        ending.callback(run.drop_programs)
        crew = ending.enter_context(Crew(run.logs))
        with_pacs = program() is not None if pacs is None else pacs
        report = play(run, crew, narrator, own, with_pacs=with_pacs, registry=registry)
        show(report, narrator)
        if json_file:
            json_file.parent.mkdir(parents=True, exist_ok=True)
            json_file.write_text(json.dumps(report.as_json(), indent=2) + "\n")
        narrator.say(verdict(report))
        if keep:
            for name, url in report.urls.items():
                narrator.say(f"{name:9} {url}")
            narrator.say("Everything goes on running until Ctrl-C.")
            while True:
                crew.check()
                time.sleep(1)
    if report.faults():
        sys.exit(1)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that nothing is left running."""
    raise KeyboardInterrupt
