"""What our runs are called at Kubeflow, and what they say of themselves.

Names of runs are not unique there, and filters may ignore case and accents. So a run carries its whole identity in its
description, and names that come back are compared again here. Names and descriptions stay short ASCII: over 255
letters, or with others, the server fails after it has started the run. So three digests are there by their first half.
"""

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from handoff.contract.identifiers import Digest, RandomId
from handoff.handoffs.order import RunOrder

LONGEST = 255
"""Letters that the server's columns for names and descriptions take."""
_HALF = 32
HalfDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class RunMark(BaseModel):
    """Whose run this is: what its description says, as JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    handoff: RandomId
    key: Digest
    batch: HalfDigest
    pipeline: HalfDigest
    """Of the committed YAML."""
    prepared: HalfDigest
    """Of the YAML as this target prepared it; the version's name has it whole."""

    @classmethod
    def of(cls, order: RunOrder, prepared: str) -> "RunMark":
        """The mark of a prepared run."""
        halves = {"batch": order.batch, "pipeline": order.pipeline_digest, "prepared": prepared}
        return cls(handoff=order.handoff, key=order.key, **{name: digest[:_HALF] for name, digest in halves.items()})

    def text(self) -> str:
        """The description."""
        return self.model_dump_json()


def read_mark(description: str | None) -> RunMark | None:
    """What a description says, if it is one of ours."""
    try:
        return RunMark.model_validate_json(description or "")
    except ValidationError:
        return None


def run_name(target: str, key: str) -> str:
    """The display name of a run."""
    return f"{target[:32]}-{key[:24]}"


def slot_name(target: str, pipeline: str) -> str:
    """The display name of the recurring run that keeps a pipeline's runs apart by their names."""
    return f"sluice-slot-{target}-{pipeline}"


def equals(name: str, value: str) -> str:
    """A list filter: one field is equal to a value."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": name, "stringValue": value}]})
