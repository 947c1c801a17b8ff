"""Replays a project in its present key epoch: what was treated in an earlier one, and lies here, is treated anew.

1. What counts is each shipment of the project whose pinned treatment is of another epoch and that is settled:
   confirmed, or withheld whole. What is on its way or held by a person is counted, and replayed by a later run. What
   was closed (withdrawn, discarded) is not.
2. Its originals are received once more, byte by byte, as a delivery of their own on a route to that project alone,
   pinned in the present epoch; so ledger, evidence and consent treat it like anything that arrives.
3. The new delivery's route says which shipment it replays. No package does: whoever read both could join the epochs.
4. It may be stopped anywhere: a later run goes on with those instances that no sealed delivery replays. What a kill has
   left of a delivery has its route already, and the next start of the receiver seals it.
"""

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from processors.deid.marks import treatment_facts
from processors.delivery.again import OURSELVES, receive_all_again
from processors.delivery.errors import NoRoomToReplayError
from processors.delivery.pinned import PinnedShipment, Route
from processors.delivery.route import held_by_vault, people_of
from processors.delivery.workplace import Workplace
from processors.landing.delivery import Delivery, ReceivedInstance, read_delivery
from processors.ledger import shipments, variants
from processors.ledger.schema import record_event, transaction
from processors.ledger.shipments import Shipment
from processors.quarantine.decision import Decision

REPLAYED: Final = "replayed"
_KEPT: Final = ("flow_release", "rules_digest", "decision")
"""Of a treatment what a replay has in common with it."""

_OF_PROJECT = """
    SELECT s.id FROM shipments s JOIN deliveries d ON d.id = s.delivery_id
    WHERE s.project = ? ORDER BY d.sealed_at, d.rowid, s.rowid
"""
_OURS = """
    SELECT d.id FROM deliveries d JOIN associations a ON a.id = d.association_id WHERE a.peer = ? ORDER BY d.rowid
"""
_INSTANCES = """
    SELECT i.file FROM shipment_instances si JOIN instances i ON i.id = si.instance_id
    WHERE si.shipment_id = ? AND (si.state = 'passed' OR si.reason NOT LIKE 'discarded%') AND i.file IS NOT NULL
    ORDER BY i.file
"""
_HIGHEST = "SELECT max(revision) FROM instances WHERE sop_instance_uid = ?"


@dataclass(slots=True)
class Replayed:
    """How far a replay is; counts of shipments, and of instances."""

    epoch: str
    replayed: int = 0
    instances: int = 0
    before: int = 0
    """Replayed by an earlier run."""
    unsettled: int = 0
    """On their way, or held by a person: run it again when they are settled."""
    gone: int = 0
    """Their originals have left the landing: they are in no other epoch than the old one."""
    left: int = 0
    """Still to do, where a number was given."""


def replay(place: Workplace, project: str, by: str, most: int | None, advance: Callable[[int, int], None]) -> Replayed:
    """Queue what of a project was treated in an earlier key epoch.

    Args:
        place: the trusted home, with its keys as they are now.
        project: which one.
        by: who says so, for the record.
        most: shipments of this run; all of them where None.
        advance: told how many more shipments were looked at, and of how many.

    Raises:
        NoRoomToReplayError: the landing has no room for another copy; what was queued is queued.
        DeliveryUnreadableError: a `delivery.json` cannot be read.
        OSError: the disk does not take it.
    """
    done = Replayed(place.keys.project(project).epoch)
    old = [each for each in _of_project(place, project) if _epoch(each) != done.epoch and each.state != "closed"]
    known = _replayed_before(place, done.epoch)
    _decide_what_was_left(place, known.values(), by)
    for number, shipment in enumerate(old, 1):
        if shipment.state not in {"confirmed", "quarantined"}:
            done.unsettled += 1
        elif most is not None and done.replayed >= most:
            done.left += 1
        else:
            _one(place, shipment, by, known.get(shipment.id, {}), done)
        advance(number, len(old))
    return done


def _of_project(place: Workplace, project: str) -> list[Shipment]:
    rows = place.ledger.execute(_OF_PROJECT, (project,)).fetchall()
    return [found for row in rows if (found := shipments.get(place.ledger, row[0])) is not None]


def _epoch(shipment: Shipment) -> str:
    return str(json.loads(shipment.treatment).get("key_epoch", ""))


def old_shipments(place: Workplace, project: str) -> list[str]:
    """Shipments of earlier key epochs that the handoff has, to be withdrawn when nobody needs them."""
    epoch = place.keys.project(project).epoch
    of_project = _of_project(place, project)
    return [each.id for each in of_project if each.state == "confirmed" and _epoch(each) != epoch]


def _replayed_before(place: Workplace, epoch: str) -> dict[str, dict[str, int]]:
    """(4): revisions by original SOP Instance UID, by the shipment that deliveries here replay in this epoch."""
    found: dict[str, dict[str, int]] = {}
    for (delivery_id,) in place.ledger.execute(_OURS, (OURSELVES,)).fetchall():
        folder = place.delivery_folder(delivery_id)
        route = Route.read(folder)
        for pinned in route.shipments if route else ():
            if pinned.replays and pinned.treatment.get("key_epoch") == epoch:
                revisions = {each.sop_instance_uid: each.revision for each in read_delivery(folder).instances}
                found.setdefault(pinned.replays, {}).update(revisions)
    return found


def _decide_what_was_left(place: Workplace, known: Iterable[Mapping[str, int]], by: str) -> None:
    """A run that was stopped may have received what it could not decide about any more."""
    waiting = set(variants.uids(place.ledger))
    for revisions in known:
        if left := {uid: revision for uid, revision in revisions.items() if uid in waiting}:
            with transaction(place.ledger) as ledger:
                _decide(ledger, left, by, place.clock())


def _decide(ledger: sqlite3.Connection, revisions: Mapping[str, int], by: str, now: float) -> None:
    """That a version was repeated is nobody's question."""
    for uid, revision in revisions.items():
        if (found := variants.of_uid(ledger, uid)) is not None:
            variants.decide(ledger, found, variants.Decision(revision, revision, by, REPLAYED, now))


def _one(place: Workplace, shipment: Shipment, by: str, known: Mapping[str, int], done: Replayed) -> None:
    folder = place.delivery_folder(shipment.delivery_id)
    files = {row[0] for row in place.ledger.execute(_INSTANCES, (shipment.id,))}
    delivery = read_delivery(folder)
    wanted = [each for each in delivery.instances if each.file in files and each.sop_instance_uid not in known]
    going = [each for each in wanted if (folder / each.file).is_file()]
    if not going:
        done.gone += bool(wanted)
        done.before += bool(files) and not wanted
        return
    size = sum(each.size for each in going)
    if place.layout.free_bytes() - size < place.site.reserve_mb << 20:
        raise NoRoomToReplayError

    def beside(new: Path, delivery_id: str) -> None:
        if (decision := Decision.read(folder)) is not None:
            decision.write(new)
        _route(place, shipment, delivery, delivery_id).write(new)

    revisions = dict(_next_revisions(place, going))
    receive_all_again(place, delivery, going, revisions, beside)
    with transaction(place.ledger) as ledger:
        now = place.clock()
        _decide(ledger, revisions, by, now)
        record_event(ledger, now, shipment.id, REPLAYED, f"{by}: {done.epoch}")
    done.replayed += 1
    done.instances += len(going)


def _next_revisions(place: Workplace, instances: list[ReceivedInstance]) -> Iterator[tuple[str, int]]:
    for each in instances:
        [highest] = place.ledger.execute(_HIGHEST, (each.sop_instance_uid,)).fetchone()
        yield each.sop_instance_uid, highest + 1


def _route(place: Workplace, shipment: Shipment, delivery: Delivery, delivery_id: str) -> Route:
    """To the same destination and project, and to no other that has it already."""
    earlier = Route.read(place.delivery_folder(shipment.delivery_id))
    people = people_of(delivery)
    held = held_by_vault(place, delivery, shipment.project) or place.not_consented(people, shipment.project)
    kept = {name: value for name, value in json.loads(shipment.treatment).items() if name in _KEPT}
    pinned = PinnedShipment(
        id=secrets.token_hex(16),
        destination=shipment.destination,
        project=shipment.project,
        profile=shipment.profile,
        treatment={**kept, **treatment_facts(place.profile(shipment.profile), place.keys.project(shipment.project))},
        joins=place.merges().joins(people),
        state="parked" if held else "routed",
        reason=f"held:{held}" if held else None,
        replays=shipment.id,
    )
    return Route(
        delivery_id=delivery_id,
        rules=earlier.rules if earlier else (),
        reason=pinned.reason or "",
        shipments=(pinned,),
    )
