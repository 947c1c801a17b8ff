"""The pace of a body that comes by the event loop."""

import asyncio

from starlette.types import Message, Receive

from handoff.access.access_settings import AccessLimits
from handoff.bulk.pace import Pace
from handoff.errors import SlowError


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
