"""How long a body may take: no long silence, and not slower than a limit for long."""

import asyncio

from starlette.types import Message, Receive

from handoff.access.access_settings import AccessLimits
from handoff.errors import SlowError


def paced(receive: Receive, limits: AccessLimits) -> Receive:
    """A `receive` that gives up on a sender who is too slow; only the time that was spent waiting for it counts.

    Raises:
        SlowError: from the `receive` that is returned.
    """
    waited, received, ended = 0.0, 0, False

    async def receive_in_time() -> Message:
        nonlocal waited, received, ended
        if ended:
            return await receive()
        clock = asyncio.get_running_loop().time
        left = limits.silence_seconds + received / limits.slowest_bytes_per_second - waited
        began = clock()
        try:
            async with asyncio.timeout(max(0.0, min(left, limits.silence_seconds))):
                message = await receive()
        except TimeoutError as error:
            ended = True
            raise SlowError from error
        waited += clock() - began
        received += len(message.get("body", b""))
        ended = not message.get("more_body", False)
        return message

    return receive_in_time
