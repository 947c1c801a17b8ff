"""The handoff's own list of shipments, as one more witness."""

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from typing import Final

from processors.ledger.errors import HandoffUnreachableError
from processors.ledger.gaps import HandoffShipment

_PAGE: Final = 200
_TIMEOUT_SECONDS: Final = 30.0


def fetch(url: str, token: str, tls: ssl.SSLContext | None = None) -> dict[str, HandoffShipment]:
    """All shipments that the handoff at `url` has, by id.

    Args:
        url: of the handoff.
        token: for its API.
        tls: whom an https address is trusted by, where that is not the system's authorities.

    Raises:
        HandoffUnreachableError: it does not answer, or not with such a list.
    """
    if not url.startswith(("http://", "https://")):
        raise HandoffUnreachableError("The handoff's URL must begin with http:// or https://.")
    listed: dict[str, HandoffShipment] = {}
    after: str | None = None
    while True:
        query = urllib.parse.urlencode({"limit": _PAGE} | ({"after": after} if after else {}))
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            f"{url.rstrip('/')}/v1/shipments?{query}", headers={"Authorization": f"Bearer {token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS, context=tls) as answer:  # noqa: S310
                page = json.load(answer)
            for one in page["items"]:
                listed[one["id"]] = HandoffShipment(one["sha256"], one["delivered"], one["withheld"])
            after = page["next"]
        except urllib.error.HTTPError as error:
            raise HandoffUnreachableError(f"The handoff answered with status {error.code}.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HandoffUnreachableError(f"The handoff gave no list ({type(error).__name__}).") from error
        if after is None:
            return listed
