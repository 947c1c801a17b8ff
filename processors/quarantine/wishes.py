"""A first person's word waits for a second person's. Both are in the audit record before anything is done.

Reject needs one person: nothing leaves by it. Release needs two accounts, and what the second approves is what the
first asked for, by its digest in the record, whatever a file says meanwhile.
"""

import contextlib
import fcntl
from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from handoff.contract.canonical import canonical_json
from processors.audit.chain import locked
from processors.audit.lines import Record
from processors.audit.reading import records
from processors.delivery.workplace import Workplace
from processors.landing.durable import make_folder, write_whole
from processors.quarantine.decision import Decision
from processors.quarantine.errors import ChangedWishError, DecisionError, NoWishError, SecondPersonError
from processors.quarantine.items import Item, find
from processors.quarantine.treat_again import complete, end, treat_again

DECISION = "decision"
MOST_LETTERS = 200
"""Of a reason, which stays in the record for ever."""
ASKED, APPROVED, REJECTED = "release-asked", "release-approved", "rejected"


class Wish(BaseModel):
    """What one person asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str
    decision: Decision
    by: str
    at: float


def ask(place: Workplace, item: Item, decision: Decision, by: str, why: str) -> Wish:
    """Keep a first person's word; it replaces an earlier one on the same instance.

    Raises:
        QuarantineError: it cannot be carried out, as `treat_again.complete` says, or no reason is given.
        AuditUnwritableError: it cannot be recorded.
    """
    _require_plain(why)
    wish = Wish(item=item.id, decision=complete(place, item, decision), by=by, at=place.clock())
    said = {"decision": wish.decision.digest, "masks": len(wish.decision.masks), "profile": wish.decision.profile}
    _record(place, item, {"what": ASKED, "by": by, "why": why, **said})
    _folder(place)
    write_whole(_file(place, item), canonical_json(wish))
    return wish


def approve(place: Workplace, item: Item, by: str, seen: str) -> None:
    """Do what another person asked for.

    Args:
        place: the trusted home.
        item: what waits.
        by: the second person.
        seen: the digest of the decision that this person saw.

    Raises:
        NotWaitingError: somebody was quicker.
        NoWishError: nobody asked.
        SecondPersonError: it is the same person.
        ChangedWishError: it is not what was asked for, or not what this person saw.
        OriginalGoneError: its original has left the landing.
        AuditUnwritableError: it cannot be recorded, so it is not done.
    """
    with _alone(place):
        _approve(place, find(place.ledger, item.id), by, seen)


def _approve(place: Workplace, item: Item, by: str, seen: str) -> None:
    wish = wish_of(place, item)
    if wish is None:
        raise NoWishError
    asked = _last_asked(place, item)
    if asked is None or asked["decision"] != wish.decision.digest or asked["by"] != wish.by:
        raise ChangedWishError
    if by == wish.by:
        raise SecondPersonError
    if seen != wish.decision.digest:
        raise ChangedWishError("Another decision waits now than the one that you saw.")
    complete(place, item, wish.decision)
    _record(place, item, {"what": APPROVED, "by": by, "asked_by": wish.by, "decision": wish.decision.digest})
    treat_again(place, item, wish.decision, f"{wish.by} and {by}")
    _forget(place, item)


def reject(place: Workplace, item: Item, by: str, why: str) -> None:
    """End it: it goes nowhere.

    Raises:
        DecisionError: no reason is given.
        NotWaitingError: somebody was quicker.
        AuditUnwritableError: it cannot be recorded, so it is not done.
    """
    _require_plain(why)
    with _alone(place):
        found = find(place.ledger, item.id)
        _record(place, found, {"what": REJECTED, "by": by, "why": why})
        end(place, found, why, by)
        _forget(place, found)


def _require_plain(why: str) -> None:
    if not (0 < len(why.strip()) <= MOST_LETTERS and why.isprintable()):
        raise DecisionError(f"Say why in 1 to {MOST_LETTERS} letters on one line, without a patient's name.")


def wish_of(place: Workplace, item: Item) -> Wish | None:
    """What somebody asked for; None when nobody did.

    Raises:
        ChangedWishError: its file is damaged.
    """
    try:
        return Wish.model_validate_json(_file(place, item).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise ChangedWishError from error


def _last_asked(place: Workplace, item: Item) -> Record | None:
    """The last record of a first person's word on it."""
    about = {"kind": DECISION, "what": ASKED, "shipment": item.shipment_id, "file": item.file}
    last: Record | None = None
    for record in records(place.site.audit, item.project, **about):
        last = record
    return last


def _record(place: Workplace, item: Item, said: Record) -> None:
    about = {"kind": DECISION, "shipment": item.shipment_id, "file": item.file, "reason": item.reason}
    place.audit(item.project).append([{**about, **said}], place.clock())


def _folder(place: Workplace) -> Path:
    folder = place.site.home / "quarantine"
    if not folder.is_dir():
        make_folder(folder)
    return folder


def _alone(place: Workplace) -> AbstractContextManager[None]:
    """One word at a time, whoever else decides: of two, the second finds that it waits no more."""
    return locked(_folder(place), fcntl.LOCK_EX)


def _file(place: Workplace, item: Item) -> Path:
    return _folder(place) / f"{item.shipment_id}.{item.file}.json"


def _forget(place: Workplace, item: Item) -> None:
    with contextlib.suppress(FileNotFoundError):
        _file(place, item).unlink()
