"""Only a signed receipt for exactly what was sent confirms; each other answer confirms nothing."""

import json
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from processors.delivery.confirm import Answer
from tests.unit.delivery.trusted_home import Handoff, TrustedHome, ct, reference


@pytest.fixture
def sent(home: TrustedHome) -> dict[str, str]:
    """A shipment that InvokeHTTP has just put to the handoff."""
    home.seal([ct(generate_uid(), generate_uid())])
    [entry] = home.route(reference(home.announcer().next(0)))
    return home.treat(entry)


def changed(answer: Answer, **changes: object) -> Answer:
    body = json.loads(answer.body)
    body["receipt"].update(changes)
    return Answer(201, json.dumps(body))


def resigned(handoff: Handoff, sent: dict[str, str], **changes: object) -> Answer:
    facts = {
        "kind": "shipment",
        "id_": sent["shipment.id"],
        "project": "lung",
        "sha256": sent["package.sha256"],
        "size": int(sent["package.size"]),
    }
    return Answer(201, handoff.receipt(**{**facts, **changes}))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"id_": "0" * 32}, "receipt-mismatch"),
        ({"sha256": "0" * 64}, "receipt-mismatch"),
        ({"size": 1}, "receipt-mismatch"),
        ({"project": "heart"}, "receipt-mismatch"),
        ({"kind": "evidence"}, "receipt-mismatch"),
    ],
    ids=["another shipment", "another digest", "another size", "another project", "another kind"],
)
def test_a_receipt_for_something_else_confirms_nothing(
    home: TrustedHome, sent: dict[str, str], changes: dict[str, object], reason: str
) -> None:
    outcome = home.confirm(sent, resigned(home.handoff, sent, **changes))
    assert (outcome.relationship, outcome.attributes["reason"]) == ("rejected", reason)
    assert home.rows("SELECT state, receipt FROM shipments") == [("packaged", None)]


def test_a_receipt_that_was_changed_after_signing_confirms_nothing(home: TrustedHome, sent: dict[str, str]) -> None:
    answer = changed(home.handoff.accept(sent, "lung"), key_id="0" * 16)
    assert home.confirm(sent, answer).attributes["reason"] == "receipt-forged"
    assert home.rows("SELECT state FROM shipments") == [("packaged",)]


def test_a_receipt_signed_by_another_key_confirms_nothing_and_is_due_again(
    home: TrustedHome, sent: dict[str, str]
) -> None:
    outcome = home.confirm(sent, resigned(Handoff(), sent))
    assert (outcome.relationship, outcome.attributes["reason"]) == ("rejected", "receipt-forged")
    [(due,)] = home.rows("SELECT due_at FROM deliveries")
    assert due - home.clock() == 5
    assert ("receipt-refused", "receipt-forged") in home.rows("SELECT event, detail FROM events")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "receipt-missing"),
        ("{}", "receipt-unreadable"),
        ("<html>proxy</html>", "receipt-unreadable"),
        ("x" * 4096, "receipt-too-large"),
    ],
)
def test_a_success_without_a_readable_receipt_confirms_nothing(
    home: TrustedHome, sent: dict[str, str], body: str, reason: str
) -> None:
    outcome = home.confirm(sent, Answer(200, body))
    assert (outcome.relationship, outcome.attributes["reason"]) == ("rejected", reason)


def test_a_key_that_is_none_confirms_nothing(home: TrustedHome, sent: dict[str, str]) -> None:
    from processors.delivery.confirm import confirm
    from processors.delivery.flowfile import Reference

    answer = home.handoff.accept(sent, "lung")
    for key in ("", "AAAA", "not base64 at all"):
        assert confirm(home.place, Reference.read(sent), answer, key).attributes["reason"] == "receipt-unreadable"


@pytest.mark.parametrize(
    ("status", "relationship", "state", "delivery"),
    [
        (409, "rejected", "parked", "terminal"),
        (413, "rejected", "parked", "terminal"),
        (422, "rejected", "parked", "terminal"),
        (410, "rejected", "closed", "terminal"),
        (401, "retry", "packaged", "routed"),
        (404, "retry", "packaged", "routed"),
        (429, "retry", "packaged", "routed"),
        (503, "retry", "packaged", "routed"),
        (0, "retry", "packaged", "routed"),
    ],
)
def test_each_refusal_ends_where_the_design_says(
    home: TrustedHome, sent: dict[str, str], status: int, relationship: str, state: str, delivery: str
) -> None:
    assert home.confirm(sent, Answer(status, "")).relationship == relationship
    assert home.rows("SELECT state FROM shipments") == [(state,)]
    assert home.rows("SELECT state FROM deliveries") == [(delivery,)]


def test_the_receipt_is_kept_in_the_ledger_and_beside_the_delivery(home: TrustedHome, sent: dict[str, str]) -> None:
    answer = home.handoff.accept(sent, "lung")
    home.confirm(sent, answer)
    folder = home.place.delivery_folder(sent["delivery.id"])
    assert (folder / f"receipt-{sent['shipment.id']}.json").read_text() == answer.body
    assert home.rows("SELECT state, receipt FROM shipments") == [("confirmed", answer.body)]


def test_originals_and_packages_go_after_seven_days_but_withheld_originals_and_the_record_stay(
    home: TrustedHome,
) -> None:
    from processors.delivery.retention import sweep

    study, series = generate_uid(), generate_uid()
    home.seal([ct(study, series), ct(study, series, NumberOfFrames=2)])
    [sent] = home.deliver(reference(home.announcer().next(0)))
    folder = Path(sent["package.path"]).parent
    home.clock.now += 7 * 86400 - 1
    assert sweep(home.place) == 0
    home.clock.now += 2
    assert sweep(home.place) == 1
    assert [path.name for path in sorted(folder.glob("*.dcm"))] == ["000002.dcm"]
    assert not list(folder.glob("*.zip"))
    assert (folder / "delivery.json").exists()
    assert sweep(home.place) == 0
