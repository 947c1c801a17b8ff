"""Requests to an app in this process, each by whoever a token stands for."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
from fastapi import FastAPI

from handoff.app import create_app
from handoff.service import Service

Asking = Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]
_APPS: dict[int, tuple[Service, FastAPI]] = {}
_NUMBERS = itertools.count(1)


def asked(service: Service, asking: Asking, address: str | None = None) -> Any:
    """What comes of asking a service's app, in one loop; from an address that was never heard of before, or this."""
    if id(service) not in _APPS:
        _APPS[id(service)] = (service, create_app(service))
    app = _APPS[id(service)][1]
    number = next(_NUMBERS)
    host = address or f"10.0.{number // 256}.{number % 256}"

    async def run() -> Any:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(host, 40000))
        async with httpx.AsyncClient(transport=transport, base_url="http://handoff") as client:
            return await asking(client)

    return asyncio.run(run())


def status_of_raw(service: Service, method: str, path: str, token: str) -> int:
    """The status of a request whose path no client has tidied up; a server gives it decoded, as here."""
    if id(service) not in _APPS:
        _APPS[id(service)] = (service, create_app(service))
    headers = [(b"host", b"handoff"), (b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": method, "path": path, "raw_path": b"", "query_string": b"", "headers": headers}
    scope |= {
        "scheme": "http",
        "server": ("handoff", 80),
        "client": ("10.9.9.9", 1),
        "http_version": "1.1",
        "state": {},
    }
    found: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    asyncio.run(_APPS[id(service)][1]({**scope, "root_path": ""}, receive, send))
    return found[0]


def ask(service: Service, method: str, path: str, token: str | None = None, **content: Any) -> httpx.Response:
    """One answer."""
    headers = bearer(token) if token else {}
    return asked(service, lambda client: client.request(method, path, headers=headers, **content))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def home_token(service: Service) -> str:
    """The token of whoever has the home."""
    return service.home.api_token.read_text().strip()


def made(service: Service, name: str, role: str, projects: list[str] | None = None) -> tuple[str, str]:
    """The id and the text of a new token."""
    body = {"name": name, "role": role, "projects": projects}
    answer = ask(service, "POST", "/v1/tokens", home_token(service), json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["token"]
