"""Removes what the landing has of a patient, and says what it must keep and why. It may be repeated after any kill."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from processors.delivery.package import package_path
from processors.delivery.workplace import Workplace
from processors.ledger.promises import promised_until
from processors.ledger.schema import record_event, transaction
from processors.withdrawal.close import WITHDRAWN
from processors.withdrawal.find import Found
from processors.withdrawal.results import EndedResults

ORIGINALS_PROMISED = "promised-to-its-sender"
ORIGINALS_OF_OTHERS = "used-by-other-projects"
RECORDS = "accounting"
IN_PACS = "in-the-patients-record"
WHOSE_UNKNOWN = "results-of-nobody-known"


@dataclass(slots=True)
class Purged:
    """What went, and what remains with its reason. Counts and dates; nothing of a patient."""

    packages: int = 0
    originals: int = 0
    remains: list[dict[str, str | int]] = field(default_factory=list)


def purge(place: Workplace, found: Iterable[Found], returned: EndedResults) -> Purged:
    """Remove packages and originals of deliveries that were closed.

    Originals that their sender was promised (PS3.4 Annex J), or that another project has or waits for, stay. The
    deliveries' records stay: they prove what became of each instance that was acknowledged. So do results in the PACS
    (`returned` counts them): the hospital's record is not ours to change.
    """
    done = Purged()
    kept: Counter[tuple[str, str]] = Counter()
    for each in found:
        with transaction(place.ledger) as ledger:
            folder = place.delivery_folder(each.delivery_id)
            for shipment in each.theirs:
                package = package_path(folder, shipment.id)
                done.packages += package.is_file()
                package.unlink(missing_ok=True)
                for part in folder.glob(f"{shipment.id}.*.part"):
                    part.unlink(missing_ok=True)
            until = promised_until(ledger, each.delivery_id) or 0.0
            originals = [row[0] for row in ledger.execute(_FILES, (each.delivery_id,)) if (folder / row[0]).is_file()]
            kept[RECORDS, ""] += 1
            if until > place.clock():
                kept[ORIGINALS_PROMISED, time.strftime("%Y-%m-%d", time.gmtime(until))] += len(originals)
                continue
            if any(other.state != "closed" for other in each.others):
                kept[ORIGINALS_OF_OTHERS, ""] += len(originals)
                continue
            for name in originals:
                (folder / name).unlink(missing_ok=True)
            done.originals += len(originals)
            ledger.execute("UPDATE deliveries SET removed_at = ? WHERE id = ?", (place.clock(), each.delivery_id))
            record_event(ledger, place.clock(), each.delivery_id, "removed", WITHDRAWN)
    kept[IN_PACS, ""] += returned.sent
    kept[WHOSE_UNKNOWN, ""] += returned.unreadable
    done.remains = [_remaining(reason, until, count) for (reason, until), count in sorted(kept.items()) if count]
    return done


_FILES = "SELECT file FROM instances WHERE delivery_id = ? AND file IS NOT NULL"


def _remaining(reason: str, until: str, count: int) -> dict[str, str | int]:
    return {"reason": reason, "count": count, **({"until": until} if until else {})}
