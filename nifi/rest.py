"""The REST APIs of NiFi and of its Registry, as far as nipyapi does not reach: JSON in, JSON out, errors as ours."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

import httpx

from nifi.errors import DeployError, NoRegistryError, RefusedError, RegistryError, UnreachableError
from nifi.tls import Certificates

Json = dict[str, Any]
_T = TypeVar("_T")


class Server:
    """One server's REST API. Use it as a context."""

    name: ClassVar[str]
    root: ClassVar[str]
    pages: ClassVar[str]
    probe: ClassVar[str]
    refused: ClassVar[type[RefusedError | RegistryError]]
    unreachable: ClassVar[type[DeployError]]

    def __init__(self, url: str, timeout_seconds: float = 120) -> None:
        self.url = url.rstrip("/").removesuffix(self.pages)
        # A connection each: NiFi closes an idle one at any moment, and a POST that met that could not be repeated.
        limits = httpx.Limits(max_keepalive_connections=0)
        api = f"{self.url}{self.root}"
        secured = Certificates.of_environment().context() if api.startswith("https:") else True
        self._client = httpx.Client(
            base_url=api, timeout=timeout_seconds, limits=limits, trust_env=False, verify=secured
        )

    def __enter__(self) -> Self:
        """Make sure that it answers.

        Raises:
            UnreachableError: no NiFi does.
            NoRegistryError: no Registry does.
        """
        try:
            self.get(self.probe)
        except self.unreachable:
            raise
        except self.refused as error:
            message = f"What answers at {self.url} is no {self.name}."
            raise self.unreachable(message) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, **query: str) -> Json:
        """GET one resource."""
        return dict(self._call("GET", path, query=query) or {})

    def post(self, path: str, body: Json) -> Json:
        """POST a JSON body."""
        return dict(self._call("POST", path, body=body) or {})

    def put(self, path: str, body: Json) -> Json:
        """PUT a JSON body."""
        return dict(self._call("PUT", path, body=body) or {})

    def delete(self, path: str, **query: str) -> Json:
        """DELETE one resource."""
        return dict(self._call("DELETE", path, query=query) or {})

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: Json | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:  # whatever JSON holds
        try:
            answer = self._client.request(method, path, params=query, json=body, content=content, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message = f"{self.name} at {self.url} does not answer ({type(error).__name__})."
            raise self.unreachable(message) from error
        if not answer.is_success:
            message = f"{self.name} refuses {method} {path}: {answer.text.strip()[:300].rstrip('.')}."
            raise self.refused(message, answer.status_code)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            message = f"{self.name} answers {method} {path} with what is no JSON."
            raise self.refused(message, answer.status_code) from error


class NiFi(Server):
    """One NiFi, by its base URL (without /nifi-api)."""

    name = "NiFi"
    root = "/nifi-api"
    pages = "/nifi"
    probe = "/flow/about"
    refused = RefusedError
    unreachable = UnreachableError

    def upload(self, path: str, content: bytes, filename: str) -> Json:
        """POST a file."""
        headers = {"Filename": filename, "Content-Type": "application/octet-stream"}
        return dict(self._call("POST", path, content=content, headers=headers) or {})


class Registry(Server):
    """One NiFi Registry, by its base URL (without /nifi-registry-api)."""

    name = "NiFi Registry"
    root = "/nifi-registry-api"
    pages = "/nifi-registry"
    probe = "/access"
    refused = RegistryError
    unreachable = NoRegistryError

    def get_list(self, path: str) -> list[Json]:
        """GET a collection."""
        return [dict(entry) for entry in self._call("GET", path) or []]


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
