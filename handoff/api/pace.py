"""How long a body may take: no long silence, and not slower than a limit for long."""

import asyncio

from starlette.types import Message, Receive

from handoff.access.access_settings import AccessLimits
from handoff.errors import SlowError


class Pace:
    """Of one body. Only the time that was spent waiting for its sender counts."""

    def __init__(self, limits: AccessLimits) -> None:
        self._limits = limits
        self._waited = 0.0
        self._received = 0

    def patience(self) -> float:
        """Seconds that its sender may be silent from now."""
        left = self._limits.silence_seconds + self._received / self._limits.slowest_bytes_per_second - self._waited
        return max(0.0, min(left, self._limits.silence_seconds))

    def note(self, waited: float, received: int) -> None:
        """So many bytes came after so many seconds."""
        self._waited += waited
        self._received += received


def paced(receive: Receive, limits: AccessLimits) -> Receive:
    """A `receive` that gives up on a sender who is too slow.

    Raises:
        SlowError: from the `receive` that is returned.
    """
    pace, ended = Pace(limits), False

    async def receive_in_time() -> Message:
        nonlocal ended
        if ended:
            return await receive()
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(pace.patience()):
                message = await receive()
        except TimeoutError as error:
            ended = True
            raise SlowError from error
        pace.note(clock() - began, len(message.get("body", b"")))
        ended = not message.get("more_body", False)
        return message

    return receive_in_time
