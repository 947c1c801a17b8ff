"""Calls to a server that a site names in handoff.yaml, each one once.

The token is read for each call and the authority with the first one, so a file that is not there yet, or holds
something else, costs that call and never the process: handoffs go on when a mirror's file is wrong.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2.0)
"""A connection that was idle is used again only long before servers end such ones, of which many do after 5 s: a call
that meets that end is lost, and nobody knows whether it was done."""


class NotSentError(Exception):
    """The call could not be made, so the server knows nothing of it; `code` says what of the settings is wrong."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class HttpClient:
    """One server."""

    def __init__(self, url: str, timeout_seconds: float, *, token_file: Path | None, ca_file: Path | None) -> None:
        self._url = url
        self._timeout = timeout_seconds
        self._token_file = token_file
        self._ca_file = ca_file
        self._client: httpx.Client | None = None

    def request(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        """Make one call; what httpx says of the way to the server is left as it is. A whole URL may be the path.

        Raises:
            NotSentError: `token-unreadable`, `ca-file-unreadable` or `url-invalid`.
        """
        sent = {**(headers or {}), **self._headers()}
        try:
            if self._client is None:
                self._client = self._open()
            return self._client.request(method, path, headers=sent, **content)
        except httpx.InvalidURL as error:
            raise NotSentError("url-invalid") from error

    def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            self._client.close()

    def _open(self) -> httpx.Client:
        try:
            verify = True if self._ca_file is None else ssl.create_default_context(cafile=str(self._ca_file))
            return httpx.Client(
                base_url=self._url, timeout=self._timeout, trust_env=False, verify=verify, limits=_LIMITS
            )
        except OSError as error:  # one that is no certificate too
            raise NotSentError("ca-file-unreadable") from error

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            token = self._token_file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise NotSentError("token-unreadable") from error
        if not token or not token.isprintable():
            raise NotSentError("token-unreadable")
        return {"Authorization": f"Bearer {token}"}
