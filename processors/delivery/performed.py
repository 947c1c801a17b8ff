"""What a completed procedure step made, as each project that its study is for is told."""

import secrets
import sqlite3
from collections import Counter

from handoff.contract.performed import PerformedStep
from processors.deid.pseudonyms import pseudonymous_uid
from processors.delivery.workplace import Workplace
from processors.ledger import expectations, performed_lists
from processors.ledger.performed_lists import PerformedList

_NAMED = frozenset({"delivered", "rejected", "awaited"})
"""Of these the handoff waits for each: `rejected` are answered for by nobody yet, `awaited` have not come."""


def told_of(place: Workplace, ledger: sqlite3.Connection, performed: PerformedList) -> list[PerformedStep]:
    """One message a project, where there is something new to tell. Projects are those that the study went to so far.

    An instance that has not come is named to each of them; once it has come, those it is not for are told so.
    """
    if not performed_lists.is_newest(ledger, performed):
        return []
    otherwise = dict.fromkeys(performed_lists.of_other_studies(ledger, performed), "elsewhere")
    told = []
    for project, fates in sorted(expectations.fates(ledger, performed.study_uid).items()):
        became = {uid: (otherwise | fates).get(uid, "awaited") for uid in performed.instances}
        message = _message(place, project, performed, became)
        if _content(message) != _before(ledger, performed, project):
            told.append(message)
    return told


def _message(place: Workplace, project: str, performed: PerformedList, became: dict[str, str]) -> PerformedStep:
    keys = place.keys.project(project)
    counts = Counter(became.values())
    return PerformedStep(
        evidence_id=secrets.token_hex(16),
        project=project,
        study_instance_uid=pseudonymous_uid(keys, performed.study_uid),
        step=performed.step_id,
        revision=performed.revision,
        instances=tuple(sorted(pseudonymous_uid(keys, uid) for uid, fate in became.items() if fate in _NAMED)),
        withheld=counts["withheld"],
        held=counts["held"],
        elsewhere=counts["elsewhere"],
        total=len(became),
    )


def _before(ledger: sqlite3.Connection, performed: PerformedList, project: str) -> object:
    body = performed_lists.told_before(ledger, performed.step_id, project)
    return None if body is None else _content(PerformedStep.model_validate_json(body))


def _content(message: PerformedStep) -> object:
    """What it says, apart from which message it is."""
    return message.model_dump(exclude={"evidence_id", "revision"})
