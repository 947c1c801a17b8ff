"""What lies in the landing of a performed procedure step, so that it outlives the ledger: one file each; PHI."""

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.landing.durable import write_whole
from processors.landing.layout import Layout

State = Literal["IN PROGRESS", "COMPLETED", "DISCONTINUED"]


class KeptStep(BaseModel):
    """A step as it stands (PS3.4 F.7.2); no more of it is kept than the ledger has."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    sop_instance_uid: str
    peer: str = Field(description="Who made it and alone may change it, by name in the peers file.")
    association_id: str = Field(description="Over which it was made.")
    study_uid: str = Field(description="Empty if it names several.")
    state: State
    created_at: float = Field(description="Unix seconds, UTC.")
    ended_at: float | None = Field(None, description="Unix seconds, UTC.")
    instances: frozenset[str] = Field(description="SOP Instance UIDs that it names.")

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the file; None when there is none, or none that can be read."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None


Keep = Callable[[KeptStep], None]


@contextmanager
def keeping(layout: Layout) -> Iterator[Keep]:
    """What writes steps, durably; on an error all that it wrote is put back as it was, as far as the disk lets.

    What cannot be put back is what a peer has said and was not answered Success for: entered later, it claims nothing
    false.
    """
    before: list[tuple[Path, bytes | None]] = []

    def keep(step: KeptStep) -> None:
        path = layout.performed_step(step.id)
        before.append((path, path.read_bytes() if path.exists() else None))
        write_whole(path, step.model_dump_json().encode())

    try:
        yield keep
    except BaseException:
        for path, content in before:
            with suppress(OSError):
                if content is None:
                    path.unlink(missing_ok=True)
                else:
                    write_whole(path, content)
        raise


def steps_beyond(layout: Layout, ended: Container[str]) -> Iterator[KeptStep | None]:
    """The steps of a landing that are not known to have ended, those that have ended first; None for one unreadable.

    Two files of one step come of an N-CREATE that failed and could not be taken back: who enters the first one that
    comes has the one that went on.
    """
    found = []
    for path in sorted(layout.performed_steps.glob("*.json")):
        if path.stem in ended:
            continue
        step = KeptStep.read(path)
        if step is None or step.id != path.stem:
            yield None
        else:
            found.append(step)
    yield from sorted(found, key=lambda step: (step.state == "IN PROGRESS", not step.instances, step.created_at))
