"""How a deployment is: its release, its processors, its queues."""

from dataclasses import asdict, dataclass

from nifi.releases.flow import read_assembly
from nifi.releases.groups import children, require_parent
from nifi.releases.marks import Marks
from nifi.releases.schedule import Component, Queue, components, queues
from nifi.releases.standing import GroupStanding, RegistryStanding, ask_registry, group_standings
from nifi.rest import Json, NiFi


@dataclass(frozen=True, slots=True)
class Status:
    """One look at a deployment."""

    release: str
    components: tuple[Component, ...]
    queues: tuple[Queue, ...]
    groups: tuple[GroupStanding, ...] = ()
    registry: RegistryStanding | None = None
    origin: str = ""

    @property
    def edited(self) -> bool:
        """Whether somebody changed a flow on the canvas."""
        return any(group.edits for group in self.groups)

    @property
    def running(self) -> bool:
        """Whether every processor runs and is valid."""
        return all((part.state, part.validity) == ("RUNNING", "VALID") for part in self.components)

    @property
    def waiting(self) -> int:
        """FlowFiles in all queues."""
        return sum(queue.count for queue in self.queues)

    def as_json(self) -> Json:
        """The same for machines."""
        return {
            "release": self.release,
            "origin": self.origin,
            "running": self.running,
            "edited": self.edited,
            "registry": self.registry.as_json() if self.registry else None,
            "groups": [group.as_json() for group in self.groups],
            "waiting": self.waiting,
            "components": [asdict(part) for part in self.components],
            "queues": [asdict(queue) for queue in self.queues],
        }

    def as_text(self) -> str:
        """The same for people; only queues in which something waits."""
        lines = [f"release {self.release} from {self.origin}"]
        lines += [self.registry.as_text()] if self.registry else []
        lines += [line for group in self.groups for line in group.as_text()]
        lines += [f"{part.group:10}  {part.state:8} {part.validity:8} {part.name}" for part in self.components]
        for queue in self.queues:
            if queue.count:
                lines.append(
                    f"{queue.group:10}  {queue.count} wait ({queue.size} B): {queue.source} to {queue.destination}"
                )
        return "\n".join([*lines, f"{self.waiting} FlowFiles wait"])


def status_of(url: str, registry_url: str | None = None) -> Status:
    """Look at the deployment on one NiFi.

    Args:
        url: of NiFi.
        registry_url: of the Registry to compare with; one that does not answer is part of the status.

    Raises:
        DeployError: nothing is deployed there.
    """
    with NiFi(url) as nifi:
        parent = require_parent(nifi, read_assembly().group)
        marks = Marks.read(parent.comments)
        there = {name: group for name, group in children(nifi, parent).items() if Marks.read(group.comments).flow}
        order = {name: index for index, name in enumerate(read_assembly().positions)}
        groups = {name: there[name] for name in sorted(there, key=lambda name: (order.get(name, len(order)), name))}
        registry = ask_registry(registry_url, list(groups), marks.origin) if registry_url else None
        parts = sorted(components(nifi, parent), key=lambda part: (order.get(part.group, -1), part.name))
        standings = group_standings(nifi, groups, registry)
        waiting = tuple(queues(nifi, parent))
    return Status(marks.release or "unknown", tuple(parts), waiting, tuple(standings), registry, marks.origin)
