"""How a deployment is: its release, its processors, its queues."""

from dataclasses import asdict, dataclass

from nifi.releases.flow import read_assembly
from nifi.releases.groups import require_parent
from nifi.releases.schedule import Component, Queue, components, queues
from nifi.rest import Json, NiFi

_RELEASE_MARK = "release "


@dataclass(frozen=True, slots=True)
class Status:
    """One look at a deployment."""

    release: str
    components: tuple[Component, ...]
    queues: tuple[Queue, ...]

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
            "running": self.running,
            "waiting": self.waiting,
            "components": [asdict(part) for part in self.components],
            "queues": [asdict(queue) for queue in self.queues],
        }

    def as_text(self) -> str:
        """The same for people; only queues in which something waits."""
        lines = [f"release {self.release}"]
        lines += [f"{part.group:10}  {part.state:8} {part.validity:8} {part.name}" for part in self.components]
        for queue in self.queues:
            if queue.count:
                lines.append(
                    f"{queue.group:10}  {queue.count} wait ({queue.size} B): {queue.source} to {queue.destination}"
                )
        return "\n".join([*lines, f"{self.waiting} FlowFiles wait"])


def status_of(url: str) -> Status:
    """Look at the deployment on one NiFi.

    Raises:
        DeployError: nothing is deployed there.
    """
    with NiFi(url) as nifi:
        parent = require_parent(nifi, read_assembly().group)
        marks = [line for line in parent.comments.splitlines() if line.startswith(_RELEASE_MARK)]
        release = marks[-1].removeprefix(_RELEASE_MARK) if marks else "unknown"
        order = {name: index for index, name in enumerate(read_assembly().positions)}
        parts = sorted(components(nifi, parent), key=lambda part: (order.get(part.group, -1), part.name))
        return Status(release, tuple(parts), tuple(queues(nifi, parent)))
