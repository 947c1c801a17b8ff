"""Which instances are here already: duplicates, revisions, and who is just storing the same one.

What is not yet committed in the ledger is held in memory; for the rest the ledger is read. All associations share one
`KnownInstances`, and one lock makes their answers consistent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Condition

from processors.ledger.instances import EarlierInstance


@dataclass(slots=True, eq=False)
class Claim:
    """One association's right to store an instance, or the news that it is here already."""

    sop_instance_uid: str
    digest: str
    called_ae: str
    revision: int
    is_duplicate: bool = False
    durable: bool = False


class KnownInstances:
    """Answers for each arriving instance: duplicate, or new with which revision.

    A duplicate has the same SOP Instance UID, digest and called AE title as an instance that is in flight or confirmed.
    The same content always has the same revision; other content gets the next one.
    """

    def __init__(self, earlier: Callable[[str], Iterable[EarlierInstance]]) -> None:
        self._earlier = earlier
        self._claims: dict[str, list[Claim]] = {}
        self._changed = Condition()

    def claim(self, sop_instance_uid: str, digest: str, called_ae: str) -> Claim:
        """Claim an instance; whoever gets a claim that is no duplicate calls `keep` or `drop` with it.

        Waits while another association is storing the very same instance: its disk decides whether this is a duplicate.
        """
        with self._changed:
            while self._is_being_stored(sop_instance_uid, digest, called_ae):
                self._changed.wait()
            held = self._claims.get(sop_instance_uid, [])
            earlier = list(self._earlier(sop_instance_uid))
            claim = Claim(sop_instance_uid, digest, called_ae, _revision(digest, [*held, *earlier]))
            alive: list[Claim | EarlierInstance] = [*held, *(one for one in earlier if one.is_alive)]
            if any(one.digest == digest and one.called_ae == called_ae for one in alive):
                claim.is_duplicate = True
                return claim
            self._claims.setdefault(sop_instance_uid, []).append(claim)
            return claim

    def keep(self, claim: Claim) -> None:
        """The claimed instance is durable."""
        with self._changed:
            claim.durable = True
            self._changed.notify_all()

    def drop(self, claim: Claim) -> None:
        """The claimed instance was not stored."""
        with self._changed:
            self._forget(claim)
            self._changed.notify_all()

    def committed(self, claims: Iterable[Claim]) -> None:
        """The ledger has these now; memory need not hold them."""
        with self._changed:
            for claim in claims:
                self._forget(claim)

    def is_on_its_way(self, sop_instance_uid: str) -> bool:
        """Whether an instance under this UID is durable and not yet in the ledger.

        Ask this before the ledger: what leaves memory is in there.
        """
        with self._changed:
            return any(claim.durable for claim in self._claims.get(sop_instance_uid, ()))

    def __len__(self) -> int:
        """How many instances are held in memory."""
        with self._changed:
            return sum(map(len, self._claims.values()))

    def _is_being_stored(self, sop_instance_uid: str, digest: str, called_ae: str) -> bool:
        return any(
            not claim.durable and claim.digest == digest and claim.called_ae == called_ae
            for claim in self._claims.get(sop_instance_uid, ())
        )

    def _forget(self, claim: Claim) -> None:
        rest = [one for one in self._claims.get(claim.sop_instance_uid, ()) if one is not claim]
        if rest:
            self._claims[claim.sop_instance_uid] = rest
        else:
            self._claims.pop(claim.sop_instance_uid, None)


def _revision(digest: str, known: list[Claim | EarlierInstance]) -> int:
    """The revision that this content has had before, or the next one."""
    same = [one.revision for one in known if one.digest == digest]
    return same[0] if same else max((one.revision for one in known), default=0) + 1
