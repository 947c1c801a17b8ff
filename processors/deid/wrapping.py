"""The secret of a key file, sealed by a key that somebody else keeps: a secret provider of the site.

A provider is a command that prints 32 bytes in hexadecimal, such as `systemd-creds decrypt`, or a hospital's own
client. What is derived depends on the secret alone, so another wrapping key changes no pseudonym.
"""

import re
import secrets
import subprocess
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from processors.deid.errors import KeyProviderError
from processors.site_program import answer_of

TIMEOUT_SECONDS: Final = 30.0
_NONCE_BYTES: Final = 12
_KEY: Final = re.compile(rb"[0-9a-fA-F]{64}")


def wrapping_key(command: Sequence[str]) -> bytes:
    """Ask the provider.

    Raises:
        KeyProviderError: it cannot be run, fails, takes too long, or prints no key. What it printed is not quoted.
    """
    try:
        code, said = answer_of(command, seconds=TIMEOUT_SECONDS)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        # The cause is dropped on purpose: it holds the command's output.
        raise KeyProviderError("The command that keeps the wrapping key did not run to its end.") from None
    printed = said.strip()
    if code != 0 or not _KEY.fullmatch(printed):
        raise KeyProviderError("The command that keeps the wrapping key printed none.")
    return bytes.fromhex(printed.decode())


def wrap(secret: bytes, key: bytes, name: str) -> bytes:
    """The secret sealed for the key file of this id: AES-256-GCM, nonce first."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret, name.encode())


def unwrap(sealed: bytes, key: bytes, name: str) -> bytes:
    """What was sealed.

    Raises:
        KeyProviderError: by another key, or for another key file.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError):
        raise KeyProviderError("The wrapping key does not open this key file.") from None
