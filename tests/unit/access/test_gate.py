"""The gate: nobody unknown is served, whatever the path says, and nobody is served without end."""

import asyncio
import json

import httpx
import pytest

from handoff.access.access_settings import AccessLimits
from handoff.access.audit import AuditTrail
from handoff.access.authenticate import Authentication
from handoff.access.limits import Buckets
from handoff.access.principal import Principal
from handoff.api.gate import Gate
from handoff.api.openapi import FILE
from handoff.api.security_headers import HEADERS
from tests.unit.access.asking import ask, asked, bearer, home_token, made


class Known:
    """Knows `sesame`, as ada."""

    def find(self, token: str) -> Principal | None:
        return Principal("ada", "auditor") if token == "sesame" else None


async def _answer(scope, _receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def statuses(database, limits: AccessLimits, *requests: tuple[str, str | None]) -> list[int]:
    """What a gate with these limits answers to (address, token), one after another; 204 is let through."""
    gate = Gate(_answer, Authentication(Known()), limits, AuditTrail(database))

    async def run() -> list[int]:
        found = []
        for address, token in requests:
            transport = httpx.ASGITransport(gate, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                answer = await client.get("/v1/studies", headers=bearer(token) if token else {})
                found.append(answer.status_code)
        return found

    return asyncio.run(run())


def paths() -> list[tuple[str, str]]:
    found = json.loads(FILE.read_text("utf-8"))["paths"]
    return [(verb.upper(), path) for path, verbs in found.items() for verb in verbs if path.startswith("/v1/")]


@pytest.mark.parametrize(("method", "path"), paths())
def test_no_route_answers_who_is_not_known(service, method, path):
    answer = ask(service, method, path.replace("{", "").replace("}", ""), json={})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["//v1/studies", "/v1//studies", "/V1/studies", "/v1/../v1/studies", "/v1/studies/"])
def test_no_odd_way_to_write_a_path_goes_round_the_gate(service, path):
    assert ask(service, "GET", path).status_code in {401, 404, 307}


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic aG9tZTo=",
        "bearer  ",
        "Token {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer x,{token}",
    ],
)
def test_what_is_no_bearer_token_names_nobody(service, authorization):
    headers = {"Authorization": authorization.format(token=home_token(service))}
    assert asked(service, lambda client: client.get("/v1/me", headers=headers)).status_code == 401


def test_two_tokens_in_one_request_name_nobody(service):
    both = [("Authorization", f"Bearer {home_token(service)}")] * 2
    assert asked(service, lambda client: client.get("/v1/me", headers=both)).status_code == 401


def test_the_kind_of_a_bearer_token_is_written_in_any_case(service):
    headers = {"Authorization": f"bEARER {home_token(service)}"}
    assert asked(service, lambda client: client.get("/v1/me", headers=headers)).status_code == 200


def test_a_token_of_another_role_is_told_what_it_takes(service):
    _, token = made(service, "reader", "auditor")
    answer = ask(service, "POST", "/v1/handoffs", token, json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_whoever_guesses_tokens_is_told_to_wait_and_a_neighbour_with_a_token_is_not(service):
    limits = AccessLimits(failures_per_minute=2)
    guesses = [("192.0.2.1", f"guess-{number}") for number in range(4)]
    neighbour, elsewhere = ("192.0.2.1", "sesame"), ("192.0.2.2", None)
    assert statuses(service.database, limits, *guesses, neighbour, elsewhere) == [401, 401, 429, 429, 204, 401]


def test_a_principal_who_asks_too_much_is_told_to_wait_wherever_it_asks_from(service):
    limits = AccessLimits(requests_per_second=0.01, burst_requests=2)
    asking = [(f"192.0.2.{number}", "sesame") for number in range(3)]
    assert statuses(service.database, limits, *asking) == [204, 204, 429]


def test_an_address_that_asks_too_much_is_told_to_wait_before_its_token_is_looked_at(service):
    limits = AccessLimits(address_requests_per_second=0.01, address_burst_requests=1)
    assert statuses(service.database, limits, ("192.0.2.1", "sesame"), ("192.0.2.1", None)) == [204, 429]


def test_who_is_told_to_wait_is_told_how_long(service):
    limits = AccessLimits(requests_per_second=0.5, burst_requests=1)
    gate = Gate(_answer, Authentication(Known()), limits, AuditTrail(service.database))
    gate._principals = Buckets(limits.requests_per_second, limits.burst_requests, clock=lambda: 0.0)

    async def twice() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://x") as client:
            await client.get("/v1/studies", headers=bearer("sesame"))
            return await client.get("/v1/studies", headers=bearer("sesame"))

    answer = asyncio.run(twice())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")  # one in two seconds
    assert answer.json()["code"] == "too-many-requests"


@pytest.mark.parametrize("path", ["/healthz", "/v1/me", "/v1/nothing", "/nothing"])
def test_every_answer_tells_a_browser_to_run_and_keep_nothing(service, path):
    headers = ask(service, "GET", path, home_token(service)).headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert "server" not in headers
