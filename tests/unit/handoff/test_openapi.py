"""The committed description of the API."""

import json

from handoff.api import guide
from handoff.api.openapi import FILE, openapi_text


def test_the_committed_openapi_document_is_that_of_the_app():
    assert FILE.read_text("utf-8") == openapi_text(), "run: python -m handoff.api.openapi"


def test_every_route_but_health_needs_a_token():
    paths = json.loads(FILE.read_text("utf-8"))["paths"]
    routes = {(path, verb): route for path, methods in paths.items() for verb, route in methods.items()}
    unguarded = {path for (path, _), route in routes.items() if "security" not in route}
    assert unguarded == {"/healthz", "/readyz", "/metrics"}


def test_every_guarded_route_describes_its_problems():
    paths = json.loads(FILE.read_text("utf-8"))["paths"]
    for path, methods in paths.items():
        for verb, route in methods.items():
            if "security" in route:
                assert "application/problem+json" in route["responses"]["422"]["content"], (path, verb)


def test_the_guide_has_every_route_with_its_permission():
    text = guide.FILE.read_text("utf-8")
    assert text == guide.with_routes(text, openapi_text()), "run: python -m handoff.api.openapi"
