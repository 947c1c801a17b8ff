"""Store a re-identified object at the peer that it is for: the same bytes under the same UID, until it says Success.

| the peer | here |
|---|---|
| stored it, warnings included | sent: never sent again |
| is down, full or fell silent | due again, later and later; `failure`, so that an operator hears of it |
| will not have it | parked with the status as code; `rejected` |

An answer that was lost is asked for by sending the object once more: a PACS keeps one object per SOP Instance UID.
"""

from typing import Final

from processors.delivery.errors import NotStoredError, UnknownDeliveryError
from processors.delivery.flowfile import Outcome, Reference, because
from processors.delivery.quiet import confide
from processors.delivery.workplace import Workplace
from processors.dicom import storage_scu
from processors.dicom.storage_scu import Sent
from processors.landing.results import Ended
from processors.ledger import announcements, results
from processors.ledger.results import ResultObject
from processors.peers import Peers

_OUTCOMES: Final = {"again": "failure", "refused": "rejected"}


def send(place: Workplace, reference: Reference) -> Outcome:
    """Send one object, once for this announcement.

    Raises:
        UnknownDeliveryError: the ledger knows no such object.
        PeersFileError: peers.yaml cannot be used.
        UnknownPeerError: it does not name the destination.
    """
    standing = announcements.standing(place.ledger, "result", reference.id, reference.n)
    if standing != "current":
        return because("superseded", standing)
    found = results.get(place.ledger, reference.id)
    if found is None:
        raise UnknownDeliveryError
    if found.state != "ready" or found.file is None:
        return because("superseded", found.state)
    peer = Peers.load(place.site.home).get(found.destination)
    results.begin_attempt(place.ledger, found.id, place.clock())
    words: list[str] = []
    (sent,) = storage_scu.send(peer, [place.layout.root / found.file], words.append)
    _record(place, reference, found, sent)
    if sent.outcome == "stored":
        return Outcome("success")
    confide(place.site.workers_log, NotStoredError(f"{found.id} at {peer.name}: {sent.code}. {' '.join(words)}"))
    return because(_OUTCOMES[sent.outcome], sent.code)


def _record(place: Workplace, reference: Reference, found: ResultObject, sent: Sent) -> None:
    now = place.clock()
    if sent.outcome == "stored":
        results.sent(place.ledger, reference.id, sent.status or 0, now)
        ended = Ended(
            state="sent",
            at=now,
            destination=found.destination,
            study_uid=found.study_uid,
            sop_instance_uid=found.sop_instance_uid,
        )
        if (folder := place.layout.result(found.id)).is_dir():
            ended.write(folder)  # for a ledger that is made anew
    elif sent.outcome == "refused":
        results.refused(place.ledger, reference.id, sent.code, now)
    else:
        results.try_again(place.ledger, reference.id, reference.n, sent.code, now)
