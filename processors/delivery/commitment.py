"""Translates the list of a request for storage commitment: one message for each project and study that it concerns."""

import secrets
import sqlite3

from handoff.contract.commitment import StorageCommitment
from processors.deid.pseudonyms import pseudonymous_uid
from processors.delivery.workplace import Workplace
from processors.ledger import commitment_lists
from processors.ledger.commitment_lists import CommitmentList

_OF_EACH_MESSAGE = {"evidence_id", "revision"}


def listed(place: Workplace, ledger: sqlite3.Connection, one: CommitmentList) -> list[StorageCommitment]:
    """The messages of a list; none for whom the same was told before."""
    before = {}
    for body in commitment_lists.told(ledger, one.commitment_id):
        said = StorageCommitment.model_validate_json(body)
        before[said.project, said.study_instance_uid] = said.model_dump(exclude=_OF_EACH_MESSAGE)
    messages = []
    for (project, study), seen in commitment_lists.seen_by(ledger, one.commitment_id).items():
        keys = place.keys.project(project)
        message = StorageCommitment(
            evidence_id=secrets.token_hex(16),
            project=project,
            study_instance_uid=pseudonymous_uid(keys, study),
            request=one.commitment_id,
            revision=one.revision,
            instances=tuple(sorted(pseudonymous_uid(keys, uid) for uid in seen.named)),
            withheld=seen.beside["withheld"],
            held=seen.beside["held"],
            elsewhere=seen.beside["elsewhere"],
            total=len(seen.named) + seen.beside.total(),
        )
        if before.get((project, message.study_instance_uid)) != message.model_dump(exclude=_OF_EACH_MESSAGE):
            messages.append(message)
    return messages
