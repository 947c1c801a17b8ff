"""Controller services of what is deployed: they run before the processors that use them, and end after those.

A file says of each that it is disabled, because NiFi writes so of one that is enabled too.
"""

from nifi.errors import DeployError
from nifi.releases.groups import Group
from nifi.rest import Json, NiFi, wait_for

_SECONDS = 300
"""A machine that starts everything at once takes minutes; what is invalid is told of at once."""


def enable(nifi: NiFi, parent: Group) -> None:
    """Enable every service below the group, and return once all are.

    Raises:
        DeployError: one cannot be; the message has NiFi's reason.
    """
    if all(one["state"] == "ENABLED" for one in _services(nifi, parent)):
        return
    wait_for("look at every service", lambda: not _with_status(nifi, parent, "VALIDATING"), _SECONDS)
    if invalid := _with_status(nifi, parent, "INVALID"):
        reasons = "; ".join(f"{one['name']}: {', '.join(one.get('validationErrors') or ())}" for one in invalid)
        message = f"Services stay invalid: {reasons[:600]}."
        raise DeployError(message)
    _switch(nifi, parent, "ENABLED")


def disable(nifi: NiFi, parent: Group) -> None:
    """Disable every service below the group, whose processors stand still."""
    if any(one["state"] != "DISABLED" for one in _services(nifi, parent)):
        _switch(nifi, parent, "DISABLED")


def _switch(nifi: NiFi, parent: Group, state: str) -> None:
    nifi.put(f"/flow/process-groups/{parent.id}/controller-services", {"id": parent.id, "state": state})

    def switched() -> bool:
        return all(one["state"] == state for one in _services(nifi, parent))

    wait_for(f"bring every service to {state}", switched, _SECONDS)


def _with_status(nifi: NiFi, parent: Group, status: str) -> list[Json]:
    return [one for one in _services(nifi, parent) if one["validationStatus"] == status]


def _services(nifi: NiFi, parent: Group) -> list[Json]:
    """Those of the group and of each group inside."""
    path = f"/flow/process-groups/{parent.id}/controller-services"
    query = {"includeAncestorGroups": "false", "includeDescendantGroups": "true"}
    return [dict(entity["component"]) for entity in nifi.get(path, **query)["controllerServices"]]
