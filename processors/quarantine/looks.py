"""A person looks at an original. Who did is in the audit record first: a picture of a patient is never shown unseen."""

from processors.delivery.workplace import Workplace
from processors.quarantine.items import Item
from processors.quarantine.pictures import Shown
from processors.quarantine.treat_again import original


def look(place: Workplace, item: Item, by: str) -> Shown:
    """The pixels of an original, for somebody who is signed in.

    Raises:
        NoPictureError: there is nothing to look at.
        AuditUnwritableError: the look cannot be recorded.
    """
    shown = Shown.of(original(place, item))
    about = {"kind": "look", "shipment": item.shipment_id, "file": item.file, "by": by}
    place.audit(item.project).append([about], place.clock())
    return shown
