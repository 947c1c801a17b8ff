"""What our runs are called at Kubeflow, and what they say of themselves.

Names of runs are not unique there, and filters may ignore case and accents. So a run carries its whole identity in its
description, and names that come back are compared again here. Names stay short ASCII: with others the server fails
after it has started the run.
"""

import json

from pydantic import BaseModel, ConfigDict, ValidationError

from handoff.contract.identifiers import Digest, RandomId


class RunMark(BaseModel):
    """Whose run this is: what its description says, as JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    handoff: RandomId
    key: Digest
    batch: Digest
    pipeline: Digest
    """SHA-256 of the committed YAML."""
    prepared: Digest
    """SHA-256 of the YAML as this target prepared it."""

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


def equals(name: str, value: str) -> str:
    """A list filter: one field is equal to a value."""
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": name, "stringValue": value}]})
