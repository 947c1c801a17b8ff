"""`sluice completion`: what a shell reads once, so that it completes commands, options and states."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes `sluice` in SHELL.

    For bash: `sluice completion bash >> ~/.bashrc`, and open a new shell.
    """
    from sluice.cli import sluice

    known = get_completion_class(shell)
    assert known is not None, "click knows the shells that it is asked for"
    click.echo(known(sluice, {}, "sluice", "_SLUICE_COMPLETE").source())
