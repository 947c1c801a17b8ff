"""When a delivery is sealed, and what it then says."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from processors.landing import association as association_module
from processors.landing.filling import MAXIMUM_BYTES, MAXIMUM_INSTANCES
from tests.unit.receive.landing_desk import Desk

MB = 1 << 20


@pytest.mark.parametrize(("ending", "reason"), [("released", "release"), ("aborted", "abort"), ("lost", "abort")])
def test_the_end_of_an_association_seals_what_is_open(desk: Desk, ending: str, reason: str) -> None:
    one = desk.associate()
    desk.store(one)
    desk.store(one)
    one.end(ending)  # type: ignore[arg-type]
    assert desk.reasons() == [reason]
    assert desk.counts() == [2]
    assert desk.rows("SELECT state, due_at, instance_count FROM deliveries") == [("sealed", 0, 2)]


def test_ten_seconds_without_a_byte_seal_and_less_do_not(desk: Desk) -> None:
    one = desk.associate()
    desk.store(one)
    desk.now += 9
    one.seal_if_idle(10)
    assert desk.reasons() == []
    one.heard()
    desk.now += 9
    one.seal_if_idle(10)
    assert desk.reasons() == []
    desk.now += 1
    one.seal_if_idle(10)
    assert desk.reasons() == ["idle"]


def test_a_delivery_holds_512_instances_at_most(desk: Desk) -> None:
    one = desk.associate()
    for _ in range(MAXIMUM_INSTANCES + 1):
        desk.store(one)
    one.end("released")
    assert desk.reasons() == ["count", "release"]
    assert desk.counts() == [512, 1]


def test_a_delivery_holds_256_mib_at_most(desk: Desk) -> None:
    one = desk.associate()
    for size in (200 * MB, 56 * MB, 100 * MB, 157 * MB, 1):
        desk.store(one, size=size)
    one.end("released")
    assert desk.reasons() == ["size", "size", "release"]
    assert [delivery.total_bytes for delivery in desk.sealed] == [MAXIMUM_BYTES, 100 * MB, 157 * MB + 1]


def test_one_larger_object_is_a_delivery_alone(desk: Desk) -> None:
    one = desk.associate()
    for size in (1, MAXIMUM_BYTES + 1, 1):
        desk.store(one, size=size)
    one.end("released")
    assert desk.reasons() == ["size", "size", "release"]
    assert desk.counts() == [1, 1, 1]


def test_each_series_has_its_own_delivery_however_they_interleave(desk: Desk) -> None:
    one = desk.associate()
    for _ in range(3):
        desk.store(one, series="1.9.1")
        desk.store(one, series="1.9.2")
    one.end("released")
    assert desk.counts() == [3, 3]


def test_the_series_that_waited_longest_is_sealed_when_too_many_are_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(association_module, "MAXIMUM_OPEN_DELIVERIES", 2)
    one = desk.associate()
    for series in ("1.1", "1.2", "1.1", "1.3"):
        desk.store(one, series=series)
    assert [(delivery.series_instance_uid, delivery.seal_reason) for delivery in desk.sealed] == [("1.2", "switch")]


def test_other_bytes_under_a_uid_go_into_a_new_delivery_with_the_next_revision(desk: Desk) -> None:
    one = desk.associate()
    desk.store(one, "1.2.3", content=b"first")
    desk.store(one, "1.2.3", content=b"second")
    one.end("released")
    assert desk.reasons() == ["conflict", "release"]
    assert [delivery.instances[0].revision for delivery in desk.sealed] == [1, 2]


def test_revisions_rise_across_associations_and_the_same_bytes_keep_theirs(desk: Desk) -> None:
    for content, called in ((b"a", "LUNG"), (b"b", "LUNG"), (b"a", "BRAIN"), (b"c", "BRAIN")):
        one = desk.associate(called)
        desk.store(one, "1.2.3", content=content)
        one.end("released")
    assert [delivery.instances[0].revision for delivery in desk.sealed] == [1, 2, 1, 3]


def test_a_sealed_delivery_is_never_written_again(desk: Desk) -> None:
    one = desk.associate()
    desk.store(one)
    desk.now += 10
    one.seal_if_idle(10)
    before = (desk.layout.delivery(desk.sealed[0].id) / "delivery.json").read_bytes()
    desk.store(one)
    one.end("released")
    assert (desk.layout.delivery(desk.sealed[0].id) / "delivery.json").read_bytes() == before
    assert desk.counts() == [1, 1]


def test_what_waits_to_be_sealed_holds_no_file_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that is locked for a minute would else take the descriptors that associations need."""
    monkeypatch.setattr(desk, "seal", lambda *_: None)
    one = desk.associate()
    for _ in range(2):
        desk.store(one)
    one.end("released")
    held = [link.resolve() for link in Path("/proc/self/fd").iterdir()]
    assert not [path for path in held if desk.layout.root in path.parents]


def test_the_end_is_told_once(desk: Desk) -> None:
    one = desk.associate()
    desk.store(one)
    one.end("released")
    one.end("lost")
    assert desk.rows("SELECT ending FROM associations") == [("released",)]


def test_an_association_without_an_object_leaves_a_row_and_no_evidence(desk: Desk) -> None:
    one = desk.associate()
    one.end("released")
    assert desk.rows("SELECT ending, acknowledged FROM associations") == [("released", 0)]
    assert desk.rows("SELECT * FROM evidence") == []
    assert not list(desk.layout.evidence.iterdir())


def test_duplicates_are_acknowledged_counted_and_not_kept(desk: Desk) -> None:
    first, second = desk.associate(), desk.associate()
    uid = desk.store(first)
    desk.store(first, uid)
    desk.store(second, uid)
    first.end("released")
    desk.store(second, uid)
    second.end("released")
    assert desk.counts() == [1]
    assert desk.rows("SELECT disposition, count(*), count(duplicate_of) FROM instances GROUP BY 1") == [
        ("delivered", 1, 0),
        ("duplicate", 3, 3),
    ]
    assert desk.rows("SELECT acknowledged FROM associations ORDER BY opened_at, acknowledged") == [(2,), (2,)]
    assert len(desk.known) == 0


def test_a_duplicate_whose_association_ends_first_still_finds_its_original(desk: Desk) -> None:
    first, second = desk.associate(), desk.associate()
    uid = desk.store(first)
    desk.store(second, uid)
    second.end("released")
    first.end("released")
    assert desk.rows("SELECT count(*) FROM instances WHERE disposition = 'duplicate' AND duplicate_of IS NULL") == [
        (0,)
    ]


@pytest.mark.parametrize(
    ("state", "shipments", "again"),
    [
        ("sealed", [], False),
        ("routed", ["routed"], False),
        ("routed", ["confirmed", "packaged"], False),
        ("terminal", ["confirmed"], False),
        ("parked", [], True),
        ("terminal", ["quarantined"], True),
        ("terminal", ["confirmed", "parked"], True),
        ("terminal", ["closed"], True),
    ],
)
def test_a_resend_is_a_duplicate_only_while_its_copy_is_in_flight_or_confirmed_everywhere(
    desk: Desk, state: str, shipments: list[str], again: bool
) -> None:
    first = desk.associate()
    uid = desk.store(first)
    first.end("released")
    desk.ledger.execute("UPDATE deliveries SET state = ?", (state,))
    for number, shipment in enumerate(shipments):
        desk.ledger.execute(
            "INSERT INTO shipments (id, delivery_id, destination, project, profile, treatment, state)"
            " VALUES (?, ?, 'd', 'p', 'p', '{}', ?)",
            (str(number), desk.sealed[0].id, shipment),
        )
    second = desk.associate()
    desk.store(second, uid)
    second.end("released")
    assert (len(desk.sealed) == 2) is again
    assert desk.sealed[-1].instances[0].revision == 1


def test_an_instance_that_was_withheld_from_a_shipment_comes_again_as_a_new_delivery(desk: Desk) -> None:
    first = desk.associate()
    withheld, passed = desk.store(first), desk.store(first)
    first.end("released")
    desk.ledger.execute("UPDATE deliveries SET state = 'terminal'")
    desk.ledger.execute(
        "INSERT INTO shipments (id, delivery_id, destination, project, profile, treatment, state)"
        " VALUES ('s', ?, 'd', 'p', 'p', '{}', 'confirmed')",
        (desk.sealed[0].id,),
    )
    desk.ledger.execute(
        "INSERT INTO shipment_instances SELECT 's', id, iif(sop_instance_uid = ?, 'withheld', 'passed'), 'truncated'"
        " FROM instances",
        (withheld,),
    )
    second = desk.associate()
    desk.store(second, withheld)
    desk.store(second, passed)
    second.end("released")
    assert [instance.sop_instance_uid for instance in desk.sealed[1].instances] == [withheld]
    assert second.again.total() == 1


def test_while_one_association_stores_an_instance_another_with_the_same_waits_for_its_outcome(desk: Desk) -> None:
    claim = desk.known.claim("1.2.3", "digest", "LUNG")
    with ThreadPoolExecutor() as pool:
        started = Event()

        def other() -> bool:
            started.set()
            return desk.known.claim("1.2.3", "digest", "LUNG").is_duplicate

        waiting = pool.submit(other)
        started.wait()
        assert not desk.known.claim("1.2.3", "other digest", "LUNG").is_duplicate
        assert not waiting.done()
        desk.known.keep(claim)
        assert waiting.result(60)


def test_if_the_first_fails_to_store_the_second_stores(desk: Desk) -> None:
    claim = desk.known.claim("1.2.3", "digest", "LUNG")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(lambda: desk.known.claim("1.2.3", "digest", "LUNG").is_duplicate)
        desk.known.drop(claim)
        assert waiting.result(60) is False


def test_an_instance_that_the_disk_refuses_leaves_nothing_behind(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    one = desk.associate()
    desk.store(one)
    monkeypatch.setattr("processors.landing.filling.Journal.append", failing)
    with pytest.raises(OSError, match="no"):
        desk.store(one, "1.2.99")
    monkeypatch.undo()
    desk.store(one, "1.2.99")
    one.end("released")
    assert [len(list(desk.layout.delivery(one.id).glob("*.dcm"))) for one in desk.sealed] == desk.counts() == [1, 1]
    assert desk.reasons() == ["fault", "release"]  # a folder that a sync failed for takes no more


def failing(*_: object, **__: object) -> None:
    raise OSError(28, "no")
