"""NiFi Registry in the demo: the release is published there, read back, and deployed from there."""

from dataclasses import asdict, dataclass
from typing import Any

from nifi.nar import Nar
from sluice.demo.narrate import Narrator
from sluice.demo.run_home import RunHome


@dataclass(frozen=True, slots=True)
class Published:
    """The release as the Registry has it."""

    pages: str
    version: int
    lost: dict[str, int]
    """Fields that the Registry lost, with how often."""

    restored: bool
    """Whether what was deployed from the Registry is all the same what was committed."""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def __str__(self) -> str:
        ending = "all restored" if self.restored else "NOT restored"
        lost = (
            f"{len(self.lost)} fields lost ({sum(self.lost.values())} values), {ending}"
            if self.lost
            else "no field lost"
        )
        return f"NiFi Registry: release {self.version} published, read back ({lost}), and deployed from there"


def get_registry(narrator: Narrator, *, wanted: bool | None) -> bool:
    """Have NiFi Registry in the cache; tell whether the demo can use it.

    Args:
        narrator: tells of the download.
        wanted: None takes it where it can be had.
    """
    from nifi.distribution.artifact import read_registry_lock
    from nifi.distribution.assemble import install
    from nifi.errors import InstallError

    def report(what: str, done: int = 0, total: int = 0) -> None:
        narrator.progress(f"{what}: {done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else what)

    if wanted is False:
        return False
    try:
        install(report, read_registry_lock())
    except InstallError as error:
        if wanted:
            raise
        narrator.say(f"  Without NiFi Registry: {error}")
        return False
    return True


def publish_release(run: RunHome, nar: Nar, narrator: Narrator) -> tuple[Published, str]:
    """Publish the committed release; returns what the Registry made of it, and the Registry's address."""
    from nifi.distribution.registry import find_registry
    from nifi.releases.origin import read_origin
    from nifi.releases.publish import publish
    from nifi.releases.release import release_of_files

    running = find_registry(run.root)
    assert running is not None
    committed = release_of_files()
    done = publish(running.url, committed, nar, "the demo", lambda what, *_: narrator.progress(what))
    restored = read_origin("registry", running.url).flows == committed.flows
    return Published(running.canvas, done.version, done.lost, restored), running.url
