"""`sluice tokens`: on the home itself, whether or not the service runs, or with --url at a service elsewhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, get_args

import click

from handoff.access.home_tokens import HOME_NAMES
from handoff.cli.connection import Asking, asking
from handoff.cli.table import LIMIT, Column, say_list, say_one
from handoff.schemas.tokens import LONGEST_DAYS, LONGEST_OVERLAP_SECONDS, GrantedRole, NewToken, TokenView

if TYPE_CHECKING:
    from handoff.cli.token_desk import TokenDesk

_COLUMNS: tuple[Column[TokenView], ...] = (
    Column("name", lambda token: token.name),
    Column("role", lambda token: token.role),
    Column("projects", lambda token: "all" if token.projects is None else token.projects),
    Column("state", lambda token: token.state),
    Column("expires", lambda token: _day(token.expires_at)),
    Column("last used", lambda token: _day(token.used_at)),
    Column("made by", lambda token: token.made_by),
)
_DAYS = click.option(
    "--days", default=90, show_default=True, type=click.IntRange(1, LONGEST_DAYS), help="Days until it expires."
)
_TO = click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A new file for the token, mode 0600, instead of the terminal.",
)


@click.group()
def tokens() -> None:
    """Make, list, rotate and revoke tokens of the handoff."""


@tokens.command()
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(get_args(GrantedRole)), help="What it may do.")
@click.option("--project", "projects", multiple=True, help="The only projects it may touch; repeat it for more.")
@_DAYS
@_TO
@asking
def new(asking: Asking, name: str, *, role: GrantedRole, projects: tuple[str, ...], days: int, to: Path | None) -> None:
    """Make a token called NAME. It is shown now and never again."""
    from pydantic import ValidationError

    from handoff.schemas.tokens import TokenRequest

    try:
        request = TokenRequest(name=name, role=role, projects=projects or None, days=days)
    except ValidationError as error:
        wrong = ", ".join(str(item["loc"][0]) for item in error.errors())
        message = f"This cannot be used: {wrong}. Names are lower-case letters, digits, dots and dashes."
        raise click.UsageError(message) from error
    with _desk(asking) as desk, _secret_file(to) as file:
        _hand_over(asking, desk.make(request), file)


@tokens.command("list")
@LIMIT
@asking
def list_(asking: Asking, most: int | None) -> None:
    """List tokens, never their text."""
    with _desk(asking) as desk:
        say_list(desk.tokens(), _COLUMNS, as_json=asking.as_json, most=most, none="There is no token.")


@tokens.command()
@click.argument("name")
@click.option(
    "--overlap-seconds",
    default=0,
    show_default=True,
    type=click.IntRange(0, LONGEST_OVERLAP_SECONDS),
    help="How long the token before holds too.",
)
@_DAYS
@_TO
@asking
def rotate(asking: Asking, name: str, overlap_seconds: int, days: int, to: Path | None) -> None:
    """Replace the token NAME. `home` and `intake` go to their files in the home."""
    from handoff.schemas.tokens import RotateRequest

    if to is not None and name in HOME_NAMES.values():
        raise click.UsageError("This token has its file in the home; --to goes with others.")
    with _desk(asking) as desk, _secret_file(to) as file:
        made = desk.rotate(name, RotateRequest(overlap_seconds=overlap_seconds, days=days))
        if made is None:
            click.echo(f"The file of the token {name} in the home has the new one.")
        else:
            _hand_over(asking, made, file)


@tokens.command()
@click.argument("name")
@asking
def revoke(asking: Asking, name: str) -> None:
    """End the token NAME at once, on every replica."""
    with _desk(asking) as desk:
        token = desk.revoke(name)
        say_one(token, (("name", token.name), ("state", token.state)), as_json=asking.as_json)


@contextmanager
def _desk(asking: Asking) -> Iterator["TokenDesk"]:
    from handoff.cli.token_desk import ServiceDesk, home_desk

    if asking.url is None:
        with home_desk(asking.home) as desk:
            yield desk
    else:
        with asking.client() as client:
            yield ServiceDesk(client)


@contextmanager
def _secret_file(to: Path | None) -> Iterator[TextIO | None]:
    """A new file that nobody else may read, made before the token is; it is gone again if there will be none."""
    if to is None:
        yield None
        return
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        message = f"{to} cannot be made ({error.strerror})."
        raise click.UsageError(message) from error
    try:
        with os.fdopen(descriptor, "w") as stream:
            yield stream
    except BaseException:
        to.unlink(missing_ok=True)
        raise


def _hand_over(asking: Asking, made: NewToken, file: TextIO | None) -> None:
    """Show a token once, or write it to its file and show the rest."""
    if file is not None:
        file.write(made.token + "\n")
        shown = TokenView.model_validate(made.model_dump(exclude={"token"}))
        facts = (("name", made.name), ("expires", _day(made.expires_at)), ("file", file.name))
        say_one(shown, facts, as_json=asking.as_json)
    elif asking.as_json:
        say_one(made, (), as_json=True)
    else:
        click.echo(made.token)


def _day(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
