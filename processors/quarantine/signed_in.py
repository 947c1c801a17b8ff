"""Whose word a command is: the account of the token in SLUICE_TRUSTED_TOKEN, in a file, or typed without an echo."""

import getpass
import sys
from pathlib import Path

from processors.audit.chain import Chain
from processors.audit.lines import SITE
from processors.delivery.workplace import Workplace
from processors.quarantine.accounts import Accounts
from processors.quarantine.errors import NotSignedInError
from processors.quarantine.refusals import Refusals


def accounts_of(place: Workplace) -> Accounts:
    """The accounts of a trusted home."""
    return Accounts(place.site.home / "accounts.json", site_chain(place))


def refusals_of(place: Workplace) -> Refusals:
    """Tokens that were refused in a trusted home."""
    return Refusals(place.site.home / "refused-tokens.json", site_chain(place))


def site_chain(place: Workplace) -> Chain:
    """The audit record of what concerns no project."""
    return place.audit(SITE)


def principal(place: Workplace, token: str | None, token_file: Path | None) -> str:
    """Who gives this word; a token that nobody has is recorded or counted as a refusal.

    Raises:
        NotSignedInError: no account has the token, or there is none.
        AuditUnwritableError: the refusal cannot be recorded.
    """
    if token_file is not None:
        try:
            token = token_file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NotSignedInError(f"{token_file} cannot be read.") from error
    if not token:
        if not sys.stdin.isatty():
            raise NotSignedInError("There is no token.")
        token = getpass.getpass("Your token of the trusted zone: ")
    try:
        name = accounts_of(place).who(token)
    except NotSignedInError:
        refusals_of(place).note(place.clock(), at_command=True)
        raise
    refusals_of(place).tell(place.clock())
    return name
