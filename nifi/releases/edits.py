"""What somebody changed on the canvas since a flow was deployed: what, from what to what, who, and when.

*That* a group was changed is told by the fingerprint in its comment. *What* is told by comparing it with the flow that
it was made from, wherever that is still to be had; otherwise, and for who and when, by NiFi's own history.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nifi.errors import EditedError, NifiError
from nifi.releases.compare import GROUP, KINDS, Difference, fingerprint, unlike
from nifi.releases.flow import Flow, Json
from nifi.releases.groups import Group
from nifi.releases.history import Action, last_action, read_history
from nifi.releases.marks import Marks
from nifi.releases.origin import read_origin
from nifi.releases.release import Release
from nifi.rest import NiFi

_UNKNOWN = "unknown"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Edit:
    """One value that somebody changed by hand."""

    flow: str
    component: str
    field: str
    was: object
    now: object
    by: str
    at: str
    compared: bool = True
    """Whether it was found by comparison; what only the history tells may have been undone since."""

    def __str__(self) -> str:
        change = f"{_shown(self.was)} -> {_shown(self.now)}"
        when = f", {self.at}" if self.at else ""
        return f"{self.flow}: {self.component}: {self.field}: {change} (by {self.by}{when})"

    def as_json(self) -> Json:
        """For machines."""
        return asdict(self)


class Editors:
    """Finds edits on one NiFi; asks for its history, and for older releases, at most once."""

    def __init__(self, nifi: NiFi, registry_url: str | None = None) -> None:
        self._nifi, self._registry_url = nifi, registry_url
        self._history: list[Action] | None = None
        self._asked = False
        self._releases: dict[str, Release | None] = {}

    def edits(self, group: Group, live: Json) -> list[Edit]:
        """What was changed in a group.

        Args:
            group: as it is on the canvas.
            live: its contents.
        """
        marks = Marks.read(group.comments)
        if marks.canvas and marks.canvas == fingerprint(live):
            return []
        deployed = self._deployed(group.name, marks)
        if deployed is None:
            return self._out_of_history(group.name, live, sure=bool(marks.canvas))
        ids = _instance_ids(live)
        return [self._attributed(each, ids) for each in unlike(group.name, deployed.contents, live)]

    def _attributed(self, difference: Difference, ids: dict[str, str]) -> Edit:
        action = last_action(self._actions() or [], difference, ids.get(difference.identifier, ""))
        by, at = (action.by, action.at) if action else (_UNKNOWN, "")
        d = difference
        return Edit(d.flow, d.component, d.field, d.released, d.live, by, at)

    def _out_of_history(self, flow: str, live: Json, *, sure: bool) -> list[Edit]:
        """Without the flow that was deployed, what NiFi remembers of each component; `sure`: there is something."""
        ids = set(_instance_ids(live).values())
        actions = [action for action in self._actions() or [] if action.source_id in ids]
        found = [
            Edit(
                flow,
                action.source_name,
                action.what,
                action.details.get("previousValue"),
                action.details.get("value"),
                action.by,
                action.at,
                compared=False,
            )
            for action in actions
        ]
        if found or not sure:
            return found
        return [Edit(flow, GROUP, "contents", "as deployed", "changed", _UNKNOWN, "", compared=False)]

    def _actions(self) -> list[Action] | None:
        if not self._asked:
            self._history, self._asked = read_history(self._nifi), True
        return self._history

    def _deployed(self, name: str, marks: Marks) -> Flow | None:
        """The flow that a group was made from: in the files, at the head of Git, or where it came from."""
        for origin in dict.fromkeys(("files", "git:HEAD", marks.origin)):
            release = self._release(origin)
            flow = release.flow(name) if release else None
            if flow is not None and flow.digest == marks.flow:
                return flow
        return None

    def _release(self, origin: str) -> Release | None:
        if origin not in self._releases:
            self._releases[origin] = None
            # Where it cannot be had any more, the history has to do.
            with contextlib.suppress(NifiError, ValueError):
                self._releases[origin] = read_origin(origin, self._registry_url)
        return self._releases[origin]


def refuse_edits(edits: Sequence[Edit], planned: Sequence[Difference]) -> None:
    """Let a deployment go on only if nothing of somebody's would be lost.

    Args:
        edits: what was changed in a group.
        planned: how the group differs from what it is to become; an edit that the release has too is not lost.

    Raises:
        EditedError: something would be; the message names the first few.
    """
    changing = {(each.component, each.field) for each in planned}
    lost = [edit for edit in edits if changing and (not edit.compared or (edit.component, edit.field) in changing)]
    if lost:
        more = f"; and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        message = f"Changed on the canvas: {'; '.join(str(edit) for edit in lost[:_SHOWN])}{more}."
        raise EditedError(message)


def _instance_ids(live: Json) -> dict[str, str]:
    """NiFi's own id of each component, by the id that flows know it by."""
    return {
        part["identifier"]: str(part.get("instanceIdentifier") or "") for kind in KINDS for part in live.get(kind) or []
    }


def _shown(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
