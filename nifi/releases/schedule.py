"""Start and stop what is deployed, and count what waits."""

from collections.abc import Iterator
from dataclasses import dataclass

from nifi.errors import DeployError
from nifi.releases.groups import Group
from nifi.rest import Json, NiFi, nipyapi_at, wait_for

_VALID_SECONDS = 300
"""Python code is loaded meanwhile, on a busy machine for minutes."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One connection and what waits in it."""

    group: str
    source: str
    destination: str
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Component:
    """One processor and how it is."""

    group: str
    name: str
    type: str
    state: str
    validity: str
    errors: tuple[str, ...]

    @property
    def loading(self) -> bool:
        """Whether its Python code is not there yet; it runs by itself once it is, even if it was told to stop."""
        return any("Initializing runtime environment" in error for error in self.errors)


def start(nifi: NiFi, parent: Group) -> None:
    """Start every processor and port, and return once all run but those that somebody disabled.

    Raises:
        DeployError: one does not start.
    """
    _schedule(nifi, parent, run=True)
    started = {"RUNNING", "DISABLED"}
    wait_for("start every processor", lambda: all(part.state in started for part in components(nifi, parent)))


def stop(nifi: NiFi, parent: Group) -> None:
    """Stop every processor and port, and return once no task is at work."""
    loaded = "load every processor"
    wait_for(loaded, lambda: not any(part.loading for part in components(nifi, parent)), _VALID_SECONDS)
    _schedule(nifi, parent, run=False)

    def quiet() -> bool:
        if any(part.state == "RUNNING" for part in components(nifi, parent)):
            return False
        status: Json = nifi.get(f"/flow/process-groups/{parent.id}/status")["processGroupStatus"]
        return not status["aggregateSnapshot"]["activeThreadCount"]

    wait_for("end every task", quiet)


def wait_until_valid(nifi: NiFi, parent: Group) -> None:
    """Wait until every processor is valid; Python ones take some seconds to load.

    Raises:
        DeployError: one stays invalid; the message has NiFi's reason.
    """
    invalid: list[Component] = []

    def all_valid() -> bool:
        invalid[:] = [part for part in components(nifi, parent) if part.validity != "VALID"]
        return not invalid

    try:
        wait_for("make every processor valid", all_valid, _VALID_SECONDS)
    except DeployError as error:
        reasons = "; ".join(f"{part.name}: {', '.join(part.errors) or part.validity}" for part in invalid)
        message = f"Processors stay invalid: {reasons[:600]}."
        raise DeployError(message) from error


def components(nifi: NiFi, parent: Group) -> list[Component]:
    """All processors below the group."""
    return [
        Component(
            group,
            entity["component"]["name"],
            entity["component"]["type"].rpartition(".")[2],
            entity["component"]["state"],
            entity["component"]["validationStatus"],
            tuple(entity["component"].get("validationErrors") or ()),
        )
        for group, flow in _groups(nifi, parent)
        for entity in flow["processors"]
    ]


def queues(nifi: NiFi, parent: Group) -> list[Queue]:
    """All connections below the group, with what waits in them."""
    return [
        Queue(
            group,
            entity["component"]["source"]["name"],
            entity["component"]["destination"]["name"],
            entity["status"]["aggregateSnapshot"]["flowFilesQueued"],
            entity["status"]["aggregateSnapshot"]["bytesQueued"],
        )
        for group, flow in _groups(nifi, parent)
        for entity in flow["connections"]
    ]


def _groups(nifi: NiFi, parent: Group) -> Iterator[tuple[str, Json]]:
    """The group and those directly inside, by name, with their contents."""
    flow: Json = nifi.get(f"/flow/process-groups/{parent.id}")["processGroupFlow"]["flow"]
    yield parent.name, flow
    for child in flow["processGroups"]:
        inner: Json = nifi.get(f"/flow/process-groups/{child['id']}")["processGroupFlow"]["flow"]
        yield child["component"]["name"], inner


def _schedule(nifi: NiFi, parent: Group, *, run: bool) -> None:
    with nipyapi_at(nifi) as nipyapi:
        nipyapi.canvas.schedule_components(parent.id, run)
