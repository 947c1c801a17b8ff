"""What is known of a home's NiFi, or of its Registry, while it runs: `<home>/<folder>/state.json`."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from nifi.distribution.process import birth


class Running(BaseModel):
    """One server that was started here, by its process and its addresses."""

    model_config = ConfigDict(frozen=True)

    program: ClassVar[str]
    """What people call it."""

    folder: ClassVar[str]
    """Its own folder in a Sluice home."""

    log_name: ClassVar[str]
    """How the names of its logs begin."""

    home: Path
    pid: int
    born: str
    url: str
    health_url: str

    @property
    def canvas(self) -> str:
        """What to open in a browser."""
        raise NotImplementedError

    @property
    def alive(self) -> bool:
        """Whether that very process still lives, and not another one under its pid."""
        return birth(self.pid) == self.born

    def save(self) -> None:
        """Write the state file."""
        file = self.state_file(self.home)
        half_done = file.with_suffix(".tmp")
        half_done.write_text(self.model_dump_json(indent=2) + "\n", "utf-8")
        half_done.replace(file)

    @classmethod
    def load(cls, home: Path) -> Self | None:
        """The home's server if it lives."""
        state = cls.last(home)
        return state if state and state.alive else None

    @classmethod
    def last(cls, home: Path) -> Self | None:
        """The one that was started last in this home and not stopped, alive or not."""
        try:
            return cls.model_validate_json(cls.state_file(home).read_text("utf-8"))
        except (OSError, ValidationError):
            return None

    @classmethod
    def instance(cls, home: Path) -> Path:
        """Its own folder in a Sluice home; absolute."""
        return Path(home).resolve() / cls.folder

    @classmethod
    def state_file(cls, home: Path) -> Path:
        """Where it is kept."""
        return cls.instance(home) / "state.json"


class RunningNiFi(Running):
    """A NiFi that was started here."""

    program = "NiFi"
    folder = "nifi"
    log_name = "nifi"

    @property
    def api(self) -> str:
        """The root of NiFi's REST API."""
        return f"{self.url}/nifi-api"

    @property
    def canvas(self) -> str:
        """What to open in a browser."""
        return f"{self.url}/nifi/"


class RunningRegistry(Running):
    """A NiFi Registry that was started here."""

    program = "NiFi Registry"
    folder = "registry"
    log_name = "nifi-registry"

    @property
    def canvas(self) -> str:
        """What to open in a browser."""
        return f"{self.url}/nifi-registry/"


def instance_folder(home: Path) -> Path:
    """NiFi's own folder in a Sluice home; absolute."""
    return RunningNiFi.instance(home)
