"""Refusals that are alike are one row with a count, so that a sender without end fills neither memory nor ledger."""

from contextlib import closing
from pathlib import Path

from processors.landing.journal import AssociationFacts, RefusedObject
from processors.ledger import accounts, associations
from processors.ledger.refusals import TOGETHER_SECONDS, Refusals
from processors.ledger.schema import connect, transaction

_MIDNIGHT = 1_700_092_800.0
_FACTS = AssociationFacts(id="a" * 32, opened_at=1.0, calling_ae="CT1", called_ae="LUNG", peer="192.0.2.1")


def refused(at: float, reason: str = "no-space", status: int = 0xA700) -> RefusedObject:
    return RefusedObject(at=at, status=status, reason=reason)


def test_all_are_counted_and_few_are_kept() -> None:
    counted = Refusals(refused(_MIDNIGHT + number / 1000) for number in range(100_000))
    [one] = counted
    assert (len(counted), one.count) == (100_000, 100_000)
    assert (one.first_at, one.last_at) == (_MIDNIGHT, _MIDNIGHT + 99.999)


def test_what_differs_is_kept_apart() -> None:
    counted = Refusals(
        [refused(_MIDNIGHT), refused(_MIDNIGHT, "malformed", 0xC000), refused(_MIDNIGHT), refused(_MIDNIGHT, "quota")]
    )
    assert [(one.status, one.reason, one.count) for one in counted] == [
        (0xA700, "no-space", 2),
        (0xC000, "malformed", 1),
        (0xA700, "quota", 1),
    ]


def test_no_row_is_of_two_days_in_any_zone() -> None:
    """A clock that went back is counted where it went to."""
    before, after = _MIDNIGHT - 1, _MIDNIGHT + 1
    counted = Refusals(refused(at) for at in (before, after, before - 1))
    assert [(one.first_at, one.last_at) for one in counted] == [(before - 1, before), (after, after)]
    assert 86400 % TOGETHER_SECONDS == (45 * 60) % TOGETHER_SECONDS == 0  # a zone may be 5:45 off


def test_the_ledger_has_every_one_of_them(tmp_path: Path) -> None:
    many = [refused(_MIDNIGHT + number) for number in range(500)] + [refused(_MIDNIGHT, "malformed", 0xC000)]
    with closing(connect(tmp_path / "ledger.db")) as ledger:
        with transaction(ledger):
            associations.add_open(ledger, _FACTS)
            associations.close(ledger, _FACTS, ending="released", closed_at=2.0, duplicates=[], refusals=Refusals(many))
        assert accounts.refused(ledger) == {"malformed": 1, "no-space": 500}
        assert ledger.execute("SELECT refused FROM associations").fetchone()[0] == 501
        assert ledger.execute("SELECT count(*) FROM refusals").fetchone()[0] == 2
