"""NiFi's REST API, as far as nipyapi does not reach: JSON in, JSON out, errors as ours."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from nifi.errors import DeployError, UnreachableError
from nifi.tls import Certificates

Json = dict[str, Any]
_T = TypeVar("_T")


class NiFi:
    """One NiFi, by its base URL (without /nifi-api). Use it as a context."""

    def __init__(self, url: str, timeout_seconds: float = 120) -> None:
        self.url = url.rstrip("/").removesuffix("/nifi")
        # A connection each: NiFi closes an idle one at any moment, and a POST that met that could not be repeated.
        limits = httpx.Limits(max_keepalive_connections=0)
        api = f"{self.url}/nifi-api"
        secured = Certificates.of_environment().context() if api.startswith("https:") else True
        self._client = httpx.Client(
            base_url=api, timeout=timeout_seconds, limits=limits, trust_env=False, verify=secured
        )

    def __enter__(self) -> Self:
        """Make sure that it answers.

        Raises:
            UnreachableError: it does not.
        """
        self.get("/flow/about")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: str) -> Json:
        """GET one resource."""
        return self._call("GET", path, query=query)

    def post(self, path: str, body: Json) -> Json:
        """POST a JSON body."""
        return self._call("POST", path, body=body)

    def put(self, path: str, body: Json) -> Json:
        """PUT a JSON body."""
        return self._call("PUT", path, body=body)

    def delete(self, path: str, **query: str) -> Json:
        """DELETE one resource."""
        return self._call("DELETE", path, query=query)

    def upload(self, path: str, content: bytes, filename: str) -> Json:
        """POST a file."""
        headers = {"Filename": filename, "Content-Type": "application/octet-stream"}
        return self._call("POST", path, content=content, headers=headers)

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Json | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Json:
        try:
            answer = self._client.request(method, path, params=query, json=body, content=content, headers=headers)
        except httpx.HTTPError as error:
            message = f"NiFi at {self.url} does not answer ({type(error).__name__})."
            raise UnreachableError(message) from error
        if answer.is_error:
            message = f"NiFi refuses {method} {path}: {answer.text.strip()[:300]}."
            raise DeployError(message)
        return dict(answer.json()) if answer.content else {}


def wait_for(what: str, probe: Callable[[], _T | None], seconds: float = 120) -> _T:
    """Call `probe` until it returns something that is true.

    Raises:
        DeployError: it does not in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() > deadline:
            message = f"NiFi did not get there in {seconds:.0f} s: {what}."
            raise DeployError(message)
        time.sleep(0.2)
    return found


@contextmanager
def nipyapi_at(nifi: NiFi) -> Iterator[Any]:
    """The nipyapi module, pointed at this NiFi; its endpoint is global, so one at a time.

    Raises:
        DeployError: what nipyapi raises inside.
    """
    import nipyapi

    configuration = nipyapi.config.nifi_config
    configuration.api_client = None
    configuration.host = f"{nifi.url}/nifi-api"
    certificates = Certificates.of_environment()
    configuration.ssl_ca_cert = certificates.ca or None
    configuration.cert_file = certificates.certificate or None
    configuration.key_file = certificates.key or None
    try:
        yield nipyapi
    except (ValueError, nipyapi.nifi.rest.ApiException) as error:
        message = f"NiFi refuses: {str(error).strip()[:300]}."
        raise DeployError(message) from error
