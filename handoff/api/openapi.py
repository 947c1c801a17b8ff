"""Write the API's description, and the routes of the guide: `python -m handoff.api.openapi`."""

import json
from pathlib import Path

from handoff.api import guide
from handoff.app import create_app

FILE = Path(__file__).with_name("openapi.json")


def openapi_text() -> str:
    """The OpenAPI document that the service serves, as it is committed."""
    return json.dumps(create_app(None).openapi(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(openapi_text(), "utf-8")
    guide.FILE.write_text(guide.with_routes(guide.FILE.read_text("utf-8"), openapi_text()), "utf-8")
