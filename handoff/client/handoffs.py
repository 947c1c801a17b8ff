"""Decide that something runs, follow it, end it."""

import time
from collections.abc import Iterator

import httpx
from pydantic import JsonValue

from handoff.client.connection import Connection, checked, read
from handoff.client.place import at
from handoff.client.server_sent import messages
from handoff.contract.result import RunKind
from handoff.handoffs.state import ENDED
from handoff.schemas.handoffs import ArtifactView, EventView, HandoffRequest, HandoffView
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
        return read(HandoffView, self._get(at("/v1/handoffs/{}", handoff_id)))

    def handoffs(
        self,
        project: str | None = None,
        state: str | None = None,
        batch: str | None = None,
        starts: str | None = None,
        *,
        dead_letters: bool = False,
    ) -> Iterator[HandoffView]:
        """Every handoff, the newest first; with `starts` those whose id starts with these letters.

        With `dead_letters` only those that `retry` sends again.
        """
        query = {"project": project, "state": state, "batch": batch, "starts": starts}
        query["dead_letter"] = "true" if dead_letters else None
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
        return read(HandoffView, self._post(at("/v1/handoffs/{}:cancel", handoff_id), None))

    def retry(self, handoff_id: str) -> HandoffView:
        """Send a dead letter again: the same handoff, for no engine ever had its run."""
        return read(HandoffView, self._post(at("/v1/handoffs/{}:retry", handoff_id), None))

    def rerun(self, handoff_id: str, reason: str) -> HandoffView:
        """Let a handoff that ended run once more, as a new handoff that says of which and why."""
        return read(HandoffView, self._post(at("/v1/handoffs/{}:rerun", handoff_id), {"reason": reason}))

    def events(self, handoff_id: str, after: int = 0) -> Iterator[EventView]:
        """Each event when it happens, until the handoff has ended.

        Args:
            handoff_id: the handoff.
            after: the id of the last event that is known already.

        Raises:
            UnreachableError: the service went away; go on after the last event.
        """
        ended = False
        while not ended:
            for kind, data in messages(self._lines(at("/v1/handoffs/{}/events", handoff_id), after=after or None)):
                if kind == "end":
                    ended = True
                    break
                event = EventView.model_validate_json(data)
                after = event.id
                yield event

    def logs(self, handoff_id: str, tail: int | None = None) -> str:
        """What the run printed so far, or the last lines of it."""
        return checked(self._get(at("/v1/handoffs/{}/logs", handoff_id), tail=tail)).text

    def logs_from(self, handoff_id: str, offset: int) -> bytes:
        """What the run printed from a byte on; nothing when that is all."""
        headers = {**self._api, "Range": f"bytes={offset}-"}
        answer = self._send("GET", at("/v1/handoffs/{}/logs", handoff_id), headers=headers)
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return b""
        content = checked(answer).content
        return content if answer.status_code == httpx.codes.PARTIAL_CONTENT else content[offset:]

    def artifacts(self, handoff_id: str) -> Iterator[ArtifactView]:
        """Every file that the run's steps left for each other or for people."""
        return self._pages(Page[ArtifactView], at("/v1/handoffs/{}/artifacts", handoff_id))

    def artifact(self, handoff_id: str, path: str) -> Iterator[bytes]:
        """One of them, in blocks; nobody re-read its digest."""
        return self._stream(at("/v1/handoffs/{}/artifacts", handoff_id, below=path))
