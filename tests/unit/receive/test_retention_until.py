"""When an original may leave the landing at the earliest."""

from pathlib import Path

import pytest

from processors.landing.retention import DAY_SECONDS, Standing, retention_until
from processors.ledger.promises import promise, promised_until
from processors.ledger.schema import connect, transaction
from processors.site import Retention

DECLARED = Retention(originals_days=7, peers={"ct1": 30, "us1": 1}, rules={"trial": 365})
SEALED = 1_000_000.0


@pytest.mark.parametrize(
    ("peer", "rules", "days"),
    [
        (None, (), 7),
        ("mr1", ("other",), 7),
        ("ct1", (), 30),
        ("us1", (), 1),
        ("us1", ("trial",), 365),
        (None, ("other", "trial"), 365),
    ],
)
def test_the_longest_days_that_name_a_delivery_hold(peer: str | None, rules: tuple[str, ...], days: int) -> None:
    standing = Standing(SEALED, settled_at=SEALED + 60, peer=peer, rules=rules)
    assert retention_until(standing, DECLARED) == SEALED + 60 + days * DAY_SECONDS


def test_before_it_is_settled_the_date_counts_from_the_sealing_and_only_moves_later() -> None:
    early = retention_until(Standing(SEALED), DECLARED)
    assert early == SEALED + 7 * DAY_SECONDS
    assert retention_until(Standing(SEALED, settled_at=SEALED + 500), DECLARED) == early + 500


def test_a_clock_that_was_set_back_shortens_nothing() -> None:
    assert retention_until(Standing(SEALED, settled_at=SEALED - 500), DECLARED) == SEALED + 7 * DAY_SECONDS


def test_a_promise_outlives_settings_that_became_shorter() -> None:
    promised = SEALED + 90 * DAY_SECONDS
    assert retention_until(Standing(SEALED, SEALED, promised_until=promised), Retention(originals_days=0)) == promised


def test_a_longer_setting_outlives_a_shorter_promise() -> None:
    standing = Standing(SEALED, SEALED, peer="ct1", promised_until=SEALED + DAY_SECONDS)
    assert retention_until(standing, DECLARED) == SEALED + 30 * DAY_SECONDS


def test_days_that_nobody_wrote_are_not_declared() -> None:
    assert not Retention().is_declared_for("ct1", ())
    assert Retention(peers={"ct1": 30}).is_declared_for("ct1", ())
    assert not Retention(peers={"ct1": 30}).is_declared_for("mr1", ())
    assert Retention(originals_days=7).is_declared_for(None, ())


def test_a_later_promise_holds_and_an_earlier_one_changes_nothing(tmp_path: Path) -> None:
    ledger = connect(tmp_path / "ledger.db")
    assert promised_until(ledger, "d") is None
    for until in (500.2, 900.0, 100.0):
        with transaction(ledger):
            promise(ledger, "d", until, 1.0)
    assert promised_until(ledger, "d") == 900.0
    assert ledger.execute("SELECT count(*) FROM events").fetchone()[0] == 2
    ledger.close()
