"""Who is who in the trusted zone: names, and the digests of tokens that each keeps for themselves.

An account is somebody's word that a name is one person. Whoever may write the trusted home may make accounts, and so be
two people: the audit record, chain `_site`, has every account that was ever made, and who may read it can see so.
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from pathlib import Path
from typing import Final

from handoff.contract.canonical import canonical_json
from processors.audit.chain import Chain, locked
from processors.landing.durable import write_whole
from processors.quarantine.errors import (
    AccountsUnreadableError,
    DecisionError,
    NameTakenError,
    NoSuchAccountError,
    NotSignedInError,
)

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_TOKEN_BYTES: Final = 32
GONE: Final = ""
"""Stands for the digest of an account that was removed: its name is never given again."""


class Accounts:
    """The accounts of a trusted home; every change is in the audit record before it holds, and one at a time."""

    def __init__(self, file: Path, chain: Chain) -> None:
        self._file, self._chain = file, chain

    def names(self) -> list[str]:
        """Who has an account."""
        return sorted(name for name, digest in self._read().items() if digest != GONE)

    def add(self, name: str, now: float, by: str) -> str:
        """Make an account; returns its token, which is shown this once.

        Raises:
            DecisionError: the name has other letters than a to z, digits, points and strokes.
            NameTakenError: somebody has or had it.
        """
        if not _NAME.fullmatch(name):
            raise DecisionError("A name has small letters, digits, points and strokes, 63 at most.")
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with locked(self._file.parent, fcntl.LOCK_EX):
            known = self._read()
            if name in known:
                raise NameTakenError
            self._chain.append([{"kind": "account", "what": "added", "name": name, "by": by}], now)
            self._write({**known, name: _digest(token)})
        return token

    def remove(self, name: str, now: float, by: str) -> None:
        """End an account, at once.

        Raises:
            NoSuchAccountError: there is none of that name.
        """
        with locked(self._file.parent, fcntl.LOCK_EX):
            known = self._read()
            if known.get(name, GONE) == GONE:
                raise NoSuchAccountError
            self._chain.append([{"kind": "account", "what": "removed", "name": name, "by": by}], now)
            self._write({**known, name: GONE})

    def who(self, token: str) -> str:
        """Whose token this is.

        Raises:
            NotSignedInError: nobody's.
        """
        given, found = _digest(token.strip()), ""
        for name, digest in self._read().items():
            if hmac.compare_digest(digest, given):
                found = name
        if not found:
            raise NotSignedInError
        return found

    def _read(self) -> dict[str, str]:
        try:
            if self._file.stat().st_mode & 0o077:
                raise AccountsUnreadableError(f"{self._file} can be read or written by others than its owner.")
            known = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise AccountsUnreadableError(f"{self._file} cannot be read.") from error
        if not isinstance(known, dict) or not all(isinstance(each, str) for each in known.values()):
            raise AccountsUnreadableError(f"{self._file} holds no accounts.")
        return known

    def _write(self, known: dict[str, str]) -> None:
        try:
            write_whole(self._file, canonical_json(known))
        except OSError as error:
            raise AccountsUnreadableError(
                f"{self._file} cannot be written: {os.strerror(error.errno or 0)}."
            ) from error


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
