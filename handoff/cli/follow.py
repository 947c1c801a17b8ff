"""Follow a handoff to its end, event by event; print a run's output as it comes."""

import time

import click

from handoff.client import HandoffClient, UnreachableError
from handoff.handoffs.state import ENDED
from handoff.schemas.handoffs import EventView, HandoffView

_LOOK_SECONDS = 1.0
_PATIENCE_SECONDS = 120.0
"""How long the service may be away, as while it is restarted."""


def follow_to_the_end(client: HandoffClient, handoff_id: str, *, say: bool) -> HandoffView:
    """Tell each event until the handoff ended, those so far first.

    Args:
        client: of the service.
        handoff_id: the handoff.
        say: whether to tell events at all.

    Raises:
        UnreachableError: the service was away for too long.
    """
    last = 0
    while True:
        try:
            for event in client.events(handoff_id, last):
                last = event.id
                if say:
                    click.echo(told(event))
            return client.handoff(handoff_id)
        except UnreachableError:
            _wait_for(client, handoff_id)


def print_output(client: HandoffClient, handoff_id: str, *, tail: int | None, follow: bool) -> None:
    """Print what a run printed, or its last lines; and go on until it ended.

    Raises:
        UnreachableError: the service was away for too long.
    """
    if not follow:
        click.echo(client.logs(handoff_id, tail), nl=False)
        return
    ended = client.handoff(handoff_id).state in ENDED
    content = client.logs_from(handoff_id, 0)
    offset = len(content)
    if tail is not None:
        content = b"".join(content.splitlines(keepends=True)[-tail:] if tail else [])
    while True:
        click.echo(content, nl=False)
        if ended and not content:
            return
        time.sleep(0.0 if ended else _LOOK_SECONDS)
        try:
            ended = client.handoff(handoff_id).state in ENDED
            content = client.logs_from(handoff_id, offset)
        except UnreachableError:
            content = b""
            _wait_for(client, handoff_id)
        offset += len(content)


def told(event: EventView) -> str:
    """An event as a line."""
    moment = time.strftime("%H:%M:%S", time.localtime(event.at))
    return f"{moment} {event.event}{f' ({event.reason})' if event.reason else ''}"


def _wait_for(client: HandoffClient, handoff_id: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        time.sleep(_LOOK_SECONDS)
        try:
            client.handoff(handoff_id)
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
        else:
            return
