"""Who changed what on the canvas, and when: NiFi's flow configuration history."""

from collections.abc import Sequence
from dataclasses import dataclass

from nifi.errors import RefusedError
from nifi.releases.compare import Difference
from nifi.rest import Json, NiFi

_CHANGES = frozenset({"Add", "Remove", "Paste", "Configure", "Connect", "Disconnect", "Enable", "Disable"})
_COUNT = "1000"
_ENDINGS = frozenset({"Remove", "Disconnect"})


@dataclass(frozen=True, slots=True)
class Action:
    """One line of the history."""

    by: str
    at: str
    source_id: str
    source_name: str
    operation: str
    details: Json

    @property
    def what(self) -> str:
        """In words."""
        name = self.details.get("name")
        return f"{self.operation.lower()}{f' {name}' if name else ''}"


def read_history(nifi: NiFi) -> list[Action] | None:
    """The newest changes, newest first; None where NiFi does not let us see them."""
    try:
        found = nifi.get("/flow/history", offset="0", count=_COUNT, sortColumn="timestamp", sortOrder="desc")
    except RefusedError:
        return None
    entries = sorted(found["history"]["actions"], key=lambda entry: int(entry["id"]), reverse=True)
    actions = [_action(entry["action"]) for entry in entries if entry.get("action")]
    return [action for action in actions if action.operation in _CHANGES]


def last_action(actions: Sequence[Action], difference: Difference, instance_id: str) -> Action | None:
    """The newest action that can have made a difference.

    Args:
        actions: newest first.
        difference: what was found.
        instance_id: NiFi's own id of the component; empty when it is gone.
    """
    if not instance_id:
        return next((action for action in actions if _removed(action, difference.component)), None)
    own = [action for action in actions if action.source_id == instance_id]
    named = [action for action in own if _squeezed(str(action.details.get("name"))) == _squeezed(difference.field)]
    return next(iter([*named, *own]), None)


def _removed(action: Action, component: str) -> bool:
    if action.operation not in _ENDINGS:
        return False
    ends = action.details.get("sourceName"), action.details.get("destinationName")
    line = f"{ends[0]}-{','.join(_relationships(action))}-{ends[1]}"
    return component in {action.source_name, line}


def _relationships(action: Action) -> list[str]:
    return sorted(filter(None, (word.strip() for word in str(action.details.get("relationship", "")).split(","))))


def _squeezed(name: str) -> str:
    """`penaltyDuration` and `Penalty Duration` are the same field."""
    return "".join(name.split()).casefold()


def _action(entry: Json) -> Action:
    return Action(
        str(entry.get("userIdentity") or "unknown"),
        str(entry.get("timestamp") or ""),
        str(entry.get("sourceId") or ""),
        str(entry.get("sourceName") or ""),
        str(entry.get("operation") or ""),
        dict(entry.get("actionDetails") or {}),
    )
