"""Who sent an object, in the head of its file: with its mark, the file tells of itself all that its delivery knows.

The file meta information may carry an implementation's own (PS3.10 7.1): Private Information (0002,0102), under the
Private Information Creator UID (0002,0100). Files of the landing never leave the trusted zone as they lie here: what
is delivered gets a head of its own.
"""

from pydantic import ValidationError

from processors.landing.journal import AssociationFacts


def told(facts: AssociationFacts) -> bytes:
    """What the head says."""
    return facts.model_dump_json(exclude_none=True).encode()


def read(said: bytes) -> AssociationFacts | None:
    """What a head has said; None if that is nothing of ours."""
    try:
        return AssociationFacts.model_validate_json(said)
    except ValidationError:
        return None
