"""What is known of a home's NiFi while it runs: `<home>/nifi/state.json`."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from nifi.distribution.process import birth


class RunningNiFi(BaseModel):
    """One NiFi that was started here, by its process and its addresses."""

    model_config = ConfigDict(frozen=True)

    home: Path
    pid: int
    born: str
    url: str
    health_url: str

    @property
    def api(self) -> str:
        """The root of NiFi's REST API."""
        return f"{self.url}/nifi-api"

    @property
    def canvas(self) -> str:
        """What to open in a browser."""
        return f"{self.url}/nifi/"

    @property
    def alive(self) -> bool:
        """Whether that very process still lives, and not another one under its pid."""
        return birth(self.pid) == self.born

    def save(self) -> None:
        """Write the state file."""
        file = state_file(self.home)
        half_done = file.with_suffix(".tmp")
        half_done.write_text(self.model_dump_json(indent=2) + "\n", "utf-8")
        half_done.replace(file)

    @classmethod
    def load(cls, home: Path) -> Self | None:
        """The home's NiFi if it lives."""
        state = cls.last(home)
        return state if state and state.alive else None

    @classmethod
    def last(cls, home: Path) -> Self | None:
        """The NiFi that was started last in this home and not stopped, alive or not."""
        try:
            return cls.model_validate_json(state_file(home).read_text("utf-8"))
        except (OSError, ValidationError):
            return None


def instance_folder(home: Path) -> Path:
    """NiFi's own folder in a Sluice home; absolute."""
    return Path(home).resolve() / "nifi"


def state_file(home: Path) -> Path:
    """Where `RunningNiFi` is kept."""
    return instance_folder(home) / "state.json"
