"""Decisions are made once, kept with the delivery, and never depend on what the rules say later."""

from collections.abc import Callable

from pydicom.uid import MRImageStorage, generate_uid

from processors.delivery.flowfile import Reference
from processors.delivery.pinned import Route
from processors.delivery.route import route
from processors.delivery.treat import treat
from processors.ledger.release import release_held
from processors.ledger.shipments import of_delivery
from tests.unit.delivery.trusted_home import RELEASE, RULES, TrustedHome, ct, reference

OTHER_RULES = RULES.replace("lung", "heart")


def test_rules_that_change_later_do_not_alter_a_routed_delivery(home: TrustedHome) -> None:
    home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    before = home.route(reference(announcer.next(0)))
    pinned = of_delivery(home.place.ledger, before[0]["delivery.id"])
    (home.root / "rules.yaml").write_text(OTHER_RULES + "# later\n")
    home.clock.now += 3600

    again = route(home.place, reference(announcer.next(0)), "e" * 64)
    assert before[0]["shipment.id"].encode() in again.contents
    assert of_delivery(home.place.ledger, before[0]["delivery.id"]) == pinned
    assert RELEASE in pinned[0].treatment


def test_a_decision_that_the_ledger_lost_is_read_from_beside_the_delivery(home: TrustedHome) -> None:
    home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    [before] = home.route(reference(announcer.next(0)))
    home.place.ledger.execute("DELETE FROM shipments")
    (home.root / "rules.yaml").write_text(OTHER_RULES)
    home.clock.now += 3600
    [again] = home.route(reference(announcer.next(0)))
    assert again["shipment.id"] == before["shipment.id"]


def test_a_package_that_was_made_is_announced_with_its_digest_and_sent_again_unchanged(home: TrustedHome) -> None:
    home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    sent = home.treat(home.route(reference(announcer.next(0)))[0])
    home.clock.now += 3600
    [again] = home.route(reference(announcer.next(0)))
    assert again["package.sha256"] == sent["package.sha256"]
    assert home.treat(again)["package.sha256"] == sent["package.sha256"]
    assert home.rows("SELECT attempts FROM shipments") == [(1,)]


def test_what_no_rule_names_is_parked_as_unmatched_and_never_announced_again(home: TrustedHome) -> None:
    home.seal([ct(generate_uid(), generate_uid(), Modality="MR", SOPClassUID=MRImageStorage)])
    announcer = home.announcer()
    outcome = route(home.place, reference(announcer.next(0)), RELEASE)
    assert (outcome.relationship, outcome.attributes) == ("parked", {"reason": "unmatched"})
    assert home.rows("SELECT state, reason, due_at FROM deliveries") == [("parked", "unmatched", None)]
    home.clock.now += 10**6
    assert announcer.next(0) is None


def test_a_delivery_whose_instances_the_rules_would_part_is_held(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    home.seal([ct(study, series), ct(study, series, Modality="MR")])
    outcome = route(home.place, reference(home.announcer().next(0)), RELEASE)
    assert outcome.attributes == {"reason": "held:mixed"}


def test_an_empty_patient_id_is_held_with_its_shipment_counted(home: TrustedHome) -> None:
    delivery = home.seal([ct(generate_uid(), generate_uid(), PatientID="")])
    outcome = route(home.place, reference(home.announcer().next(0)), RELEASE)
    assert outcome.relationship == "parked"
    assert outcome.attributes["reason"].startswith("held:")
    assert Route.read(home.place.delivery_folder(delivery)).reason == outcome.attributes["reason"]
    assert [row[0] for row in home.rows("SELECT state FROM shipments")] == ["parked"]


def test_a_delivery_of_one_study_with_two_identities_is_held(home: TrustedHome) -> None:
    study = generate_uid()
    home.seal([ct(study, generate_uid())])
    home.seal([ct(study, generate_uid(), PatientID="OTHER-1")])
    announcer = home.announcer()
    home.route(reference(announcer.next(0)))
    outcome = route(home.place, reference(announcer.next(0)), RELEASE)
    assert outcome.attributes["reason"].startswith("held:")


def test_objects_without_a_study_are_withheld_and_never_held_for_each_others_identity(home: TrustedHome) -> None:
    for patient in ("A1", "B2"):
        slices = [ct(generate_uid(), generate_uid(), PatientID=patient, StudyInstanceUID="")]
        home.seal(slices)
    announcer = home.announcer()
    for _ in range(2):
        [entry] = home.route(reference(announcer.next(0)))
        assert treat(home.place, Reference.read(entry), home.pool).relationship == "quarantine"
    assert set(home.rows("SELECT state, reason FROM shipment_instances")) == {("withheld", "identity-incomplete")}


def test_rules_that_cannot_be_used_leave_as_a_code_and_the_delivery_is_tried_again(
    make_home: Callable[..., TrustedHome],
) -> None:
    from processors.delivery import doors
    from processors.delivery.workplace import workplace

    home = make_home(rules="rules: [}")
    home.seal([ct(generate_uid(), generate_uid())])
    announced = home.announcer().next(0).attributes()

    class FlowFile:
        def getAttribute(self, name: str) -> str | None:
            return announced.get(name)

    outcome = doors.route(str(home.root), RELEASE, FlowFile())
    workplace(home.root).close()
    assert (outcome.relationship, outcome.attributes) == ("failure", {"reason": "rules"})
    assert home.rows("SELECT event, detail FROM events WHERE event = 'failed'") == [("failed", "rules")]
    log = home.place.site.workers_log
    assert "RulesError" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_what_an_unknown_caller_sent_is_held_before_any_rule_until_somebody_releases_it(home: TrustedHome) -> None:
    delivery = home.seal([ct(generate_uid(), generate_uid())], hold="unknown-caller")
    announcer, ledger = home.announcer(), home.place.ledger
    assert route(home.place, reference(announcer.next(0)), RELEASE).attributes["reason"] == "held:unknown-caller"
    assert home.rows("SELECT state, reason FROM deliveries") == [("parked", "held:unknown-caller")]

    assert release_held(home.place.layout, ledger, "SOMEBODY") == 0
    assert release_held(home.place.layout, ledger, "SCANNER9") == 1
    assert release_held(home.place.layout, ledger, "SCANNER9") == 0
    [entry] = home.route(reference(announcer.next(0)))
    assert [shipment.id for shipment in of_delivery(ledger, delivery)] == [entry["shipment.id"]]
