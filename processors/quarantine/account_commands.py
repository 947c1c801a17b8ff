"""`sluice trusted`."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.delivery.workplace import Workplace


@click.group()
def trusted() -> None:
    """Tell people of the trusted zone apart, who decide about what is in quarantine; serve their page."""


@trusted.group(invoke_without_command=True)
@home_option
@click.pass_context
def accounts(context: click.Context, *, home: Path) -> None:
    """List who has an account. An account is one person, by a token that only this person has.

    Two words count as two people's if they come from two accounts. Whoever may write the trusted home can make
    accounts, and so give both words: every account that was ever made is in the audit record
    (`sluice audit show --project _site`), where others see it.
    """
    if context.invoked_subcommand is None:
        from processors.quarantine.signed_in import accounts_of

        place = _place(home)
        for name in accounts_of(place).names():
            click.echo(name)
        place.close()


@accounts.command()
@click.argument("name")
@home_option
def add(*, name: str, home: Path) -> None:
    """Make an account and print its token, this once. Give it to that person and to nobody else."""
    from processors.quarantine.signed_in import accounts_of

    place = _place(home)
    click.echo(accounts_of(place).add(name, place.clock(), getpass.getuser()))
    place.close()


@accounts.command()
@click.argument("name")
@home_option
def remove(*, name: str, home: Path) -> None:
    """End an account, at once. Its name is never given again, so that records stay clear."""
    from processors.quarantine.signed_in import accounts_of

    place = _place(home)
    accounts_of(place).remove(name, place.clock(), getpass.getuser())
    place.close()


@trusted.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="An address of loopback; no other is taken.")
@click.option("--port", type=click.IntRange(0, 65535), default=8106, show_default=True, help="0 takes a free one.")
@home_option
def serve(*, host: str, port: int, home: Path) -> None:
    """Serve the page of quarantine: what waits, pictures at full size, and two people's words. Until interrupted.

    It holds no script, loads nothing from elsewhere, and listens on loopback alone. Sign in with your own token.
    Sign-ins, looks and decisions are in the audit record. From another machine use a tunnel, such as
    `ssh -L 8106:127.0.0.1:8106 HOST`.
    """
    from processors.quarantine.page.serve import server

    made = server(_place(home), host, port)
    click.echo(f"http://{host}:{made.server_port}/")
    with made:
        made.serve_forever()


def _place(home: Path) -> "Workplace":
    from processors.delivery.workplace import Workplace
    from processors.site import Site

    return Workplace(Site.load(home / "trusted"))
