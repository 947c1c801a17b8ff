"""The option `--home` of every command of the trusted zone."""

from pathlib import Path

import click

home_option = click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".sluice"),
    show_default=True,
    envvar="SLUICE_HOME",
    help="Whose trusted/ this is about.",
)
"""The home as `home: Path`, also from SLUICE_HOME."""
