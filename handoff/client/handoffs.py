"""Decide that something runs, follow it, end it."""

import time
from collections.abc import Iterator

from pydantic import JsonValue

from handoff.client.connection import Connection, checked, read
from handoff.contract.result import RunKind
from handoff.handoffs.state import ENDED
from handoff.schemas.handoffs import HandoffRequest, HandoffView
from handoff.schemas.page import Page

_LOOK_SECONDS = 0.2


class Handoffs(Connection):
    """Decisions, each of which becomes one run."""

    def hand_off(
        self,
        *,
        kind: RunKind,
        batch: str,
        pipeline: str,
        target: str = "local",
        parameters: dict[str, JsonValue] | None = None,
        model: str | None = None,
    ) -> HandoffView:
        """Decide to run; the same decision is the same handoff."""
        request = HandoffRequest(
            kind=kind, batch=batch, pipeline=pipeline, target=target, parameters=parameters or {}, model=model
        )
        return read(HandoffView, self._post("/v1/handoffs", request.plain()))

    def handoff(self, handoff_id: str) -> HandoffView:
        """One handoff with its events."""
        return read(HandoffView, self._get(f"/v1/handoffs/{handoff_id}"))

    def handoffs(
        self,
        project: str | None = None,
        state: str | None = None,
        batch: str | None = None,
        starts: str | None = None,
    ) -> Iterator[HandoffView]:
        """Every handoff, the newest first; with `starts` those whose id starts with these letters."""
        query = {"project": project, "state": state, "batch": batch, "starts": starts}
        return self._pages(Page[HandoffView], "/v1/handoffs", **query)

    def wait(self, handoff_id: str, timeout_seconds: float = 3600.0) -> HandoffView:
        """Wait until a handoff ended, however it ended.

        Raises:
            TimeoutError: it did not within the time.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            view = self.handoff(handoff_id)
            if view.state in ENDED:
                return view
            if time.monotonic() > deadline:
                message = f"The handoff {handoff_id} is still {view.state}."
                raise TimeoutError(message)
            time.sleep(_LOOK_SECONDS)

    def cancel(self, handoff_id: str) -> HandoffView:
        """End a handoff."""
        return read(HandoffView, self._post(f"/v1/handoffs/{handoff_id}:cancel", None))

    def logs(self, handoff_id: str) -> str:
        """What the run printed so far."""
        return checked(self._get(f"/v1/handoffs/{handoff_id}/logs")).text
