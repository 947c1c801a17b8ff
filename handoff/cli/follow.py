"""Follow a handoff to its end, event by event."""

import time

import click

from handoff.client import HandoffClient, UnreachableError
from handoff.handoffs.state import ENDED
from handoff.schemas.handoffs import HandoffView

_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 120.0
"""How long the service may be away, as while it is restarted."""


def follow_to_the_end(client: HandoffClient, view: HandoffView, *, say: bool) -> HandoffView:
    """Look until the handoff ended.

    Args:
        client: of the service.
        view: the handoff as it is now; its events so far are told first.
        say: whether to tell events at all.

    Raises:
        UnreachableError: the service was away for too long.
    """
    told = 0
    answered = time.monotonic()
    while True:
        for event in view.events[told:]:
            if say:
                moment = time.strftime("%H:%M:%S", time.localtime(event.at))
                click.echo(f"{moment} {event.event}{f' ({event.reason})' if event.reason else ''}")
        told = len(view.events)
        if view.state in ENDED:
            return view
        time.sleep(_LOOK_SECONDS)
        try:
            view = client.handoff(view.id)
            answered = time.monotonic()
        except UnreachableError:
            if time.monotonic() - answered > _PATIENCE_SECONDS:
                raise
