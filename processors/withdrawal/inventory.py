"""Takes a patient out of the inventory: whose a value was, and whom they are like. How often a value left stays."""

from collections.abc import Iterable
from contextlib import closing

from processors.delivery.workplace import Workplace
from processors.inventory.books import Books
from processors.vault.merges import Person
from processors.withdrawal.names import Names


def forget_in_inventory(place: Workplace, people: Iterable[Person], studies: Iterable[str], project: str | None) -> int:
    """Remove the rows of a patient; returns how many there were. It may be repeated after any kill.

    Args:
        place: the trusted home.
        people: the patient by every identity.
        studies: their Study Instance UIDs.
        project: from which they withdrew; None for all.

    Raises:
        InventoryUnreadableError: there is an inventory, and it cannot be opened.
    """
    file = place.site.home / "inventory.db"
    if not file.is_file():
        return 0
    people, studies, removed = list(people), list(studies), 0
    with closing(Books(file)) as books:
        for each in books.projects():
            if project in {None, each}:
                names = Names.of(place.keys, each, people, studies)
                removed += books.forget(each, names.patients)
    return removed
