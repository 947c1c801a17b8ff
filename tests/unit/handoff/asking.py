"""Asks the app of a service in this process, as somebody with the home's API token."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx

from handoff.app import create_app
from handoff.service import Service


class Asking:
    """One app, asked by one request or by several at a time."""

    def __init__(self, service: Service) -> None:
        self._app = create_app(service)
        self._token = service.home.api_token.read_text().strip()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request; of `headers` a name has underscores for hyphens."""
        (answer,) = self.ask_at_once([(method, path, body)], **headers)
        return answer

    def ask_at_once(self, requests: list[tuple[str, str, Any]], **headers: str) -> list[httpx.Response]:
        """Several requests, all under way before the first is answered."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Authorization"] = f"Bearer {self._token}"

        async def send() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://x", timeout=60) as client:
                waiting: list[Coroutine[Any, Any, httpx.Response]] = [
                    client.request(method, path, json=body, headers=sent) for method, path, body in requests
                ]
                return await asyncio.gather(*waiting)

        return asyncio.run(send())
