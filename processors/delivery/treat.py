"""Makes the package of a shipment, or finds the one that was made: a kept package is sent again, never rebuilt.

1. An older announcement, or a settled shipment, is superseded; so is what was confirmed under an earlier ledger. What
   is gone from the landing waits for a person.
2. A package that lies in the landing is the answer, if its patient still consents.
3. The attempt is counted, durably, before it can take anything down with it.
4. A worker treats every instance into `<shipment>.<n>.part`, which it syncs.
5. The audit record says what became of each instance. What it does not hold does not leave.
6. The vault remembers the UIDs and whose they are; then the package gets its name; then the ledger says so.
"""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from handoff.contract.canonical import canonical_json
from processors.audit import treated
from processors.delivery import missing
from processors.delivery.confirmed_before import confirmed_before
from processors.delivery.errors import UnknownDeliveryError, WorkerDiedError
from processors.delivery.flowfile import Outcome, Reference, because
from processors.delivery.package import package_path
from processors.delivery.pinned import Route
from processors.delivery.route import people_of
from processors.delivery.workers import Pool
from processors.delivery.workplace import Workplace
from processors.landing.delivery import Delivery, read_delivery
from processors.landing.durable import sync_folder, write_whole
from processors.ledger import announcements, shipments
from processors.ledger.schema import transaction
from processors.ledger.shipments import Fate, Shipment
from processors.quarantine.decision import Decision
from processors.quarantine.errors import DecisionError
from processors.vault import UidRow
from processors.vault.merges import Person

DEATHS_UNTIL_ALONE: Final = 2
"""So many workers may die over a shipment; then each instance is tried in a process of its own."""
ATTEMPTS_UNTIL_UNREADABLE: Final = 5
"""So often a file may be missing or unreadable; from then on it is withheld, so that the rest goes on."""
CRASHES_WORKER: Final = "crashes-worker"

Json = dict[str, Any]


def treat(place: Workplace, reference: Reference, pool: Pool) -> Outcome:
    """Answer with a package, or with `quarantine` when every instance was withheld."""
    with one_at_a_time(reference.shipment_id):
        standing = announcements.standing(place.ledger, reference.kind, reference.id, reference.n)
        if standing != "current":
            return because("superseded", standing)
        shipment = shipments.get(place.ledger, reference.shipment_id)
        if shipment is None or shipment.delivery_id != reference.id:
            raise UnknownDeliveryError
        if shipment.state in shipments.TERMINAL:
            return because("superseded", shipment.state)
        if confirmed_before(place, shipment):
            return because("superseded", "confirmed")
        if _lies_there(place, shipment):
            refused = _not_consented(place, shipment, read_delivery(place.delivery_folder(shipment.delivery_id)))
            package = shipment.package_sha256 or ""
            return _hold(place, shipment, package, refused, reference.n) if refused else _packaged(place, shipment)
        if missing.is_missing(place, shipment.delivery_id):
            return because("quarantine", missing.hold(place, shipment))
        return _make(place, shipment, reference, pool)


def _make(place: Workplace, shipment: Shipment, reference: Reference, pool: Pool) -> Outcome:
    folder = place.delivery_folder(shipment.delivery_id)
    with transaction(place.ledger) as ledger:
        shipments.begin_attempt(ledger, shipment.id, place.clock())
    part = folder / f"{shipment.id}.{reference.n}.part"
    for left in folder.glob(f"{shipment.id}.*.part"):
        left.unlink(missing_ok=True)
    delivery = read_delivery(folder)
    job = _job(place, shipment, delivery, part)
    made = _work(place, shipment, job, pool)
    place.audit(shipment.project).append(treated.records(shipment, delivery, made, reference.n), place.clock())
    fates = [Fate(file, reason) for file, reason in made["fates"]]
    if not made["sha256"]:
        with transaction(place.ledger) as ledger:
            if ended := _ended(ledger, shipment):
                return because("superseded", ended)
            shipments.quarantine(ledger, shipment, fates, place.clock())
        return because("quarantine", "all-withheld")
    place.vault.record(shipment.project, [UidRow(*row) for row in made["uids"]])
    if made.get("study"):
        place.vault.remember_study(*made["study"])
    refused = _not_consented(place, shipment, delivery)
    if refused:
        part.unlink(missing_ok=True)
        return _hold(place, shipment, made["sha256"], refused, reference.n)
    _keep(place, shipment, made, part)
    with transaction(place.ledger) as ledger:
        if ended := _ended(ledger, shipment):
            package_path(folder, shipment.id).unlink(missing_ok=True)
            return because("superseded", ended)
        shipments.package(
            ledger,
            shipment,
            sha256=made["sha256"],
            size=made["size"],
            treatment=canonical_json(made["treatment"]).decode(),
            fates=fates,
            now=place.clock(),
        )
    found = shipments.get(place.ledger, shipment.id)
    assert found is not None
    return _packaged(place, found)


def _not_consented(place: Workplace, shipment: Shipment, delivery: Delivery) -> str:
    """Ask about consent once more, right before a package gets its name or is sent again."""
    return place.not_consented(people_of(delivery), shipment.project)


def _ended(ledger: sqlite3.Connection, shipment: Shipment) -> str:
    """The state in which somebody ended a shipment while it was treated, such as by a withdrawal; empty if nobody."""
    found = shipments.get(ledger, shipment.id)
    return found.state if found is not None and found.state in shipments.TERMINAL else ""


def _hold(place: Workplace, shipment: Shipment, package: str, refused: str, attempt: int) -> Outcome:
    """Hold what has a package; the record says so first, as it said that there is one."""
    place.audit(shipment.project).append([treated.held(shipment, package, refused, attempt)], place.clock())
    with transaction(place.ledger) as ledger:
        if ended := _ended(ledger, shipment):
            return because("superseded", ended)
        shipments.hold(ledger, shipment, f"held:{refused}", place.clock())
    return because("quarantine", refused)


def _keep(place: Workplace, shipment: Shipment, made: Json, part: Path) -> None:
    """Give the package its name, durably, with a sidecar from which the ledger's rows could be made again."""
    folder = place.delivery_folder(shipment.delivery_id)
    said = {key: made[key] for key in ("sha256", "size", "fates", "treatment")}
    write_whole(folder / f"treatment-{shipment.id}.json", canonical_json({"shipment_id": shipment.id, **said}))
    part.rename(package_path(folder, shipment.id))
    sync_folder(folder)


def _joins(folder: Path, shipment: Shipment) -> tuple[tuple[Person, Person], ...]:
    """Under which identities those of the delivery go, as it was pinned.

    Raises:
        UnknownDeliveryError: what was pinned is not beside the delivery any more.
    """
    route = Route.read(folder)
    pinned = next((each for each in route.shipments if each.id == shipment.id), None) if route else None
    if pinned is None:
        raise UnknownDeliveryError
    return pinned.joins


def _decision(folder: Path, treatment: Json) -> Decision | None:
    """What two people said, if it is what they said: its digest was pinned when the second one approved it.

    Raises:
        DecisionError: it was changed or taken away since, or nobody can read it.
    """
    decision = Decision.read(folder)
    if (decision.digest if decision else None) != treatment.get("decision"):
        raise DecisionError("The decision beside the delivery is not the one that two people gave.")
    return decision


def _job(place: Workplace, shipment: Shipment, delivery: Delivery, part: Path) -> Json:
    treatment = json.loads(shipment.treatment)
    decision = _decision(part.parent, treatment)
    return {
        "shipment": shipment.id,
        "project": shipment.project,
        "profile": shipment.profile,
        "treatment": treatment,
        "joins": _joins(part.parent, shipment),
        "key_file": str(place.site.key_file),
        "pixels": place.site.pixels.model_dump(mode="json"),
        "folder": str(part.parent),
        "part": str(part),
        "instances": [
            {"file": each.file, "uid": each.sop_instance_uid, "revision": each.revision} for each in delivery.instances
        ],
        "decision": decision.model_dump() if decision else None,
        "give_up_unreadable": shipment.attempts >= ATTEMPTS_UNTIL_UNREADABLE,
    }


def _work(place: Workplace, shipment: Shipment, job: Json, pool: Pool) -> Json:
    """Have the job done; a worker that dies is replaced, and after two deaths the culprit is looked for."""
    lost = shipment.workers_lost
    while lost < DEATHS_UNTIL_ALONE:
        try:
            return pool.run(job)
        except WorkerDiedError:
            with transaction(place.ledger) as ledger:
                lost = shipments.lose_worker(ledger, shipment.id, place.clock())
    with pool.alone():
        crashed = pool.run_fresh({**job, "probe": True})["crashed"]
        for item in job["instances"]:
            if item["file"] in crashed:
                item["reason"] = CRASHES_WORKER
        return pool.run_fresh(job)


def _lies_there(place: Workplace, shipment: Shipment) -> bool:
    path = package_path(place.delivery_folder(shipment.delivery_id), shipment.id)
    try:
        return shipment.state == "packaged" and path.stat().st_size == shipment.package_size
    except OSError:
        return False


def _packaged(place: Workplace, shipment: Shipment) -> Outcome:
    path = package_path(place.delivery_folder(shipment.delivery_id), shipment.id)
    return Outcome(
        "success",
        {
            "package.path": str(path),
            "package.sha256": shipment.package_sha256 or "",
            "package.size": str(shipment.package_size),
        },
    )


_busy: set[str] = set()
_freed = threading.Condition()


@contextlib.contextmanager
def one_at_a_time(shipment_id: str) -> Iterator[None]:
    """Keep two tasks of this process from treating the same shipment at once."""
    with _freed:
        _freed.wait_for(lambda: shipment_id not in _busy)
        _busy.add(shipment_id)
    try:
        yield
    finally:
        with _freed:
            _busy.remove(shipment_id)
            _freed.notify_all()
