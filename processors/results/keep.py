"""Keeps a fetched object: in `landing/results/<id>/`, durably, and then in the ledger. Only then is it acknowledged."""

from pathlib import Path

from pydantic import ValidationError

from handoff.contract.canonical import canonical_json
from handoff.contract.returned import Claim
from processors.delivery.workplace import Workplace
from processors.landing.durable import make_folder, sync_folder, write_whole
from processors.landing.results import CLAIM_FILE, Kept
from processors.ledger import results
from processors.ledger.results import ResultObject
from processors.results.errors import ObjectGoneError
from processors.results.inbox import Arrived

OBJECT_FILE = "object.dcm"


def keep(place: Workplace, arrived: Arrived) -> ResultObject:
    """Make an object durable and enter it; whatever is killed in between, it is fetched again."""
    claim = arrived.claim
    folder = folder_of(place, claim.id)
    if not folder.parent.is_dir():
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent.parent)
    if not folder.is_dir():
        make_folder(folder)
    now = place.clock()
    Kept(fetched_at=now).write(folder)
    if arrived.wrong is None:
        write_whole(folder / OBJECT_FILE, arrived.content)
    write_whole(folder / CLAIM_FILE, canonical_json(claim))  # the last one: it says that all is there
    row = ResultObject(
        id=claim.id,
        handoff_id=claim.handoff,
        path=claim.path,
        sha256=claim.sha256,
        size=claim.size,
        project=claim.project,
        destination=place.site.results_to(claim.project) or "",
        state="fetched",
    )
    results.fetched(place.ledger, row, now)
    found = results.get(place.ledger, claim.id)
    assert found is not None
    return found


def kept(place: Workplace, result_id: str) -> tuple[Claim, bytes]:
    """An object and its claim as they were kept.

    Raises:
        ObjectGoneError: they are not there any more.
    """
    folder = folder_of(place, result_id)
    try:
        claim = Claim.model_validate_json((folder / CLAIM_FILE).read_bytes())
        return claim, (folder / OBJECT_FILE).read_bytes()
    except (OSError, ValidationError):
        raise ObjectGoneError from None


def folder_of(place: Workplace, result_id: str) -> Path:
    """Where an object lies in the landing."""
    return place.layout.result(result_id)
