"""What a call to the handoff may raise."""

from collections.abc import Sequence
from itertools import zip_longest

import httpx


class ProblemError(Exception):
    """The handoff answered with a problem.

    Attributes:
        status: of HTTP.
        code: for programs.
        remedy: for people.
        places: where in the request, when it was not understood.
        expected: what may be at each of these places, if the handoff says it.
    """

    def __init__(self, status: int, code: str, title: str, remedy: str, **where: Sequence[str]) -> None:
        self.status = status
        self.code = code
        self.remedy = remedy
        self.places = tuple(where.get("places", ()))
        self.expected = tuple(where.get("expected", ()))
        said = zip_longest(self.places, (f": {what}" for what in self.expected), fillvalue="")
        wrong = [place + what for place, what in said]
        super().__init__(f"{status} {code}: {title}" + (f" {'; '.join(wrong)}." if wrong else ""))


class UnreachableError(httpx.TransportError):
    """The handoff did not answer."""

    remedy = "Is it running there? Start it by `sluice handoff serve`, or name another by --url."

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"No handoff answers at {url} ({why}).")


class AnswerError(Exception):
    """The handoff's answer is none that this client knows."""

    remedy = "Is it a handoff, and of the version of this client?"

    def __init__(self, url: str) -> None:
        super().__init__(f"The answer of {url} is none that this client knows.")


class DigestError(Exception):
    """What was fetched is not what was promised."""

    remedy = "Nothing of it was kept. Fetch it again; if it stays so, restore the store from a backup."

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has another SHA-256 than the handoff recorded.")
