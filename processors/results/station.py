"""What ReidentifyDICOM does with one object, as often as it is asked.

1. An object that the ledger does not know is taken from the inbox, made durable and entered; one that is not in the
   inbox yet is waited for. What NiFi polled again, or announced before, is superseded.
2. It is judged: opened, resolved to the one original study, re-identified, scanned. What does not fit is held.
3. The finished object is written durably, and its UIDs are pinned in the ledger. Only then may it be sent.

The content of the FlowFile becomes the acknowledgement: codes and counts, nothing of the object.
"""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from handoff.contract.canonical import canonical_json
from handoff.contract.returned import Acknowledgement, Claim
from processors.delivery.flowfile import Outcome, Reference, because
from processors.delivery.treat import one_at_a_time
from processors.delivery.workplace import Workplace
from processors.landing.durable import write_whole
from processors.landing.results import RETURNED_FILE
from processors.ledger import announcements, results
from processors.ledger.results import ResultObject
from processors.results import inbox as box
from processors.results.keep import OBJECT_FILE, folder_of, keep, kept
from processors.results.opened import opened
from processors.results.reasons import HeldError, Reason
from processors.results.reidentify import Returned
from processors.results.reidentify import reidentify as made_of
from processors.results.resolve import Original, resolve
from processors.results.verify import verify
from processors.vault import UidRow

NOT_HERE_YET = "not-here-yet"


def reidentify(place: Workplace, reference: Reference, inbox: Path) -> Outcome:
    """Answer `success` (to be sent), `held`, `superseded`, or `retry` while the object is not in the inbox yet."""
    with one_at_a_time(reference.id):
        row = results.get(place.ledger, reference.id)
        if row is None:
            arrived = box.read(inbox, reference.id)
            if arrived is None:
                return because("retry", NOT_HERE_YET)
            row = keep(place, arrived)  # (1)
            box.forget(inbox, reference.id)
            _judge(place, row, arrived.wrong)  # (2), (3)
        elif over := _superseded(place, row, reference):
            box.forget(inbox, reference.id)
            return _said(row, Outcome("superseded", {"reason": over}))
        elif row.state == "fetched":
            _judge(place, row)
    found = results.get(place.ledger, reference.id)
    assert found is not None
    if found.state != "ready":
        return _said(found, because("held" if found.state == "held" else "superseded", found.reason or found.state))
    about = {"delivery.id": found.id, "delivery.n": str(found.n), "kind": "result", "destination": found.destination}
    return _said(found, Outcome("success", about))


def _superseded(place: Workplace, row: ResultObject, reference: Reference) -> str:
    """Why a FlowFile has nothing to do; empty when it has.

    A poll's FlowFile (n = 0) is in charge until the ledger has announced the object for the first time.
    """
    if row.state not in {"fetched", "ready"}:
        return row.state
    standing = announcements.standing(place.ledger, "result", row.id, reference.n)
    return "" if standing == "current" else standing


def _judge(place: Workplace, row: ResultObject, wrong: Reason | None = None) -> None:
    """Make the object that goes back, or hold it; `wrong` says why it cannot be what was claimed."""
    try:
        destination = _destination(place, row)
        claim, content = _content(place, row, wrong)
        original, returned = _made(place, row, claim, content)
    except HeldError as held:
        results.held(place.ledger, row.id, held.reason.value, place.clock())
        return
    path = folder_of(place, row.id) / RETURNED_FILE
    write_whole(path, returned.content)
    results.ready(
        place.ledger,
        row.id,
        study_uid=original.study_uid,
        sop_instance_uid=returned.sop_instance_uid,
        destination=destination,
        file=str(path.relative_to(place.layout.root)),
        now=place.clock(),
        detail=f"{returned.dropped} dropped",
    )


def _destination(place: Workplace, row: ResultObject) -> str:
    found = place.site.results_to(row.project)
    if not found:
        raise HeldError(Reason.NO_DESTINATION)
    return found


def _content(place: Workplace, row: ResultObject, wrong: Reason | None) -> tuple[Claim, bytes]:
    if wrong is not None or not (folder_of(place, row.id) / OBJECT_FILE).exists():
        raise HeldError(wrong or Reason.DIGEST_MISMATCH)
    return kept(place, row.id)


def _made(place: Workplace, row: ResultObject, claim: Claim, content: bytes) -> tuple[Original, Returned]:
    at = datetime.fromtimestamp(row.fetched_at or 0.0, UTC).astimezone(ZoneInfo(place.site.time_zone))
    dataset, kind = opened(content, place.return_profile)
    own = frozenset(str(dataset.get(keyword, "")) for keyword in ("SOPInstanceUID", "SeriesInstanceUID")) - {""}
    original = resolve(place, claim, dataset)
    _require_consent(place, claim, original)
    returned = made_of(place, claim, dataset, kind, original, at)
    verify(returned, original, content, own)
    if "SOPInstanceUID" in dataset:  # no other object may come back under it
        place.vault.record(claim.project, [UidRow(returned.sop_instance_uid, str(dataset.SOPInstanceUID))])
    return original, returned


def _require_consent(place: Workplace, claim: Claim, original: Original) -> None:
    """Of somebody who withdrew nothing is taken further that came too late for the withdrawal to find it.

    Raises:
        HeldError: they did.
    """
    owner = place.vault.owner_of(original.study_uid)
    people = place.merges().group(owner.patient_id, owner.issuer) if owner is not None else ()
    if any(place.vault.is_withdrawn(*each, claim.project) for each in people):
        raise HeldError(Reason.WITHDRAWN)


def _said(row: ResultObject, outcome: Outcome) -> Outcome:
    """The outcome with what the handoff is told."""
    held = row.state == "held"
    said = Acknowledgement(
        sha256=row.sha256,
        size=row.size,
        outcome="held" if held else "accepted",
        reason=row.reason if held else None,
    )
    return Outcome(outcome.relationship, outcome.attributes, canonical_json(said))
