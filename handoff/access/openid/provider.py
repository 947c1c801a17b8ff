"""The provider: what it says of itself, and the calls to it, each bounded in time and size."""

import json
import ssl
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from handoff.access.openid.remembered import Ages, Remembered
from handoff.access.openid.settings import OpenidSettings, is_private_way
from handoff.errors import OpenidDownError

_DISCOVERY = "/.well-known/openid-configuration"
_LARGEST = 1 << 20
"""Bytes of an answer; a key set of hundreds of keys is smaller."""


class Metadata(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3), as far as it is used here."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    jwks_uri: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Provider:
    """One provider; nothing is asked of it before it is needed, so a service starts without it."""

    def __init__(self, settings: OpenidSettings, ages: Ages) -> None:
        self._settings = settings
        self._client: httpx.Client | None = None
        self._metadata = Remembered(self._discover, ages)

    def metadata(self) -> Metadata:
        """What it says of itself.

        Raises:
            OpenidDownError: it does not say it, or what it says cannot be believed.
        """
        return self._metadata.get()

    def get(self, url: str) -> Any:
        """The JSON of a URL.

        Raises:
            OpenidDownError: no answer, or none of JSON.
        """
        status, answer = self._call("GET", url)
        if status != 200:
            raise OpenidDownError
        return answer

    def post(self, url: str, form: dict[str, str], headers: dict[str, str]) -> tuple[int, Any]:
        """Send a form; the status and the JSON that came back.

        Raises:
            OpenidDownError: no answer, none of JSON, or that the provider itself failed (5xx).
        """
        status, answer = self._call("POST", url, data=form, headers=headers)
        if status >= 500:
            raise OpenidDownError
        return status, answer

    def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            self._client.close()

    def _discover(self) -> Metadata:
        try:
            found = Metadata.model_validate(self.get(self._settings.issuer.rstrip("/") + _DISCOVERY))
        except ValidationError as error:
            raise OpenidDownError("The provider's description of itself cannot be understood.") from error
        if found.issuer != self._settings.issuer:
            message = "The provider calls itself by another name than openid.issuer says."
            raise OpenidDownError(message, remedy="Write openid.issuer exactly as the provider's discovery does.")
        ends = (found.jwks_uri, found.authorization_endpoint, found.token_endpoint)
        if not all(is_private_way(url) for url in (*ends, *filter(None, (found.end_session_endpoint,)))):
            raise OpenidDownError("The provider names an endpoint without TLS.")
        return found

    def _call(self, method: str, url: str, **content: Any) -> tuple[int, Any]:
        try:
            with self._opened().stream(method, url, **content) as answer:
                body = bytearray()
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > _LARGEST:
                        raise OpenidDownError("The provider's answer is too long.")
                return answer.status_code, json.loads(bytes(body))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OpenidDownError from error
        except (ValueError, RecursionError) as error:
            raise OpenidDownError("The provider's answer is no JSON.") from error

    def _opened(self) -> httpx.Client:
        if self._client is None:
            ca_file = self._settings.ca_file
            try:
                verify = True if ca_file is None else ssl.create_default_context(cafile=str(ca_file))
            except OSError as error:  # one that is no certificate too
                raise OpenidDownError("The openid.ca_file cannot be read.") from error
            self._client = httpx.Client(timeout=self._settings.http_timeout_seconds, trust_env=False, verify=verify)
        return self._client
