"""The table of all routes in `docs/api.md`, made from the description of the API: see `handoff.api.openapi`."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "docs" / "api.md"
_BEGIN, _END = "<!-- routes: written by python -m handoff.api.openapi -->\n", "<!-- end of routes -->\n"
_METHODS = ("get", "put", "post", "delete")


def with_routes(guide: str, openapi: str) -> str:
    """The guide with the table of this description; all else stays as it is.

    Raises:
        ValueError: the guide has no place for the table.
    """
    before, _, rest = guide.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        message = f"docs/api.md has no place for the routes, between {_BEGIN.strip()} and {_END.strip()}"
        raise ValueError(message)
    return before + _BEGIN + _table(json.loads(openapi)) + _END + after


def _table(openapi: dict[str, Any]) -> str:
    rows = ["| route | permission | what it does |", "|---|---|---|"]
    for path, methods in sorted(openapi["paths"].items()):
        rows += [_row(method, path, methods[method]) for method in _METHODS if method in methods]
    return "\n".join(rows) + "\n"


def _row(method: str, path: str, route: dict[str, Any]) -> str:
    """One route: its first sentence is enough, for the rest is in the description itself."""
    needed = [verb for scheme in route.get("security", ()) for verbs in scheme.values() for verb in verbs]
    permission = f"`{needed[0]}`" if needed else ("a token" if "security" in route else "")
    text = " ".join(str(route.get("description", "")).split())
    sentence = text.partition(". ")[0].rstrip(".")
    return f"| `{method.upper()} {path}` | {permission} | {sentence.replace('|', '/')} |"
