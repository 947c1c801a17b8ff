"""What a modality asked to be kept reaches the projects as evidence: pseudonymous, exact, and anew when it changes."""

import json
import secrets
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from handoff.contract.canonical import canonical_json
from handoff.contract.commitment import StorageCommitment
from handoff.settings import Settings
from handoff.studies.accounts import Commitment
from processors.deid.pseudonyms import pseudonymous_uid
from processors.delivery.flowfile import Reference
from processors.delivery.route import route
from processors.delivery.treat import treat
from processors.dicom.performed_step.request import MAXIMUM_ITEMS
from processors.dicom.services import MAXIMUM_DATA_SET_BYTES
from processors.landing.commitments import CommitmentRequest, ReferencedInstance
from processors.landing.recover import recover
from processors.ledger import commitments
from processors.ledger.release import release_held
from processors.ledger.schema import transaction
from tests.unit.delivery.trusted_home import RELEASE, TrustedHome, ct, reference


def ask(home: TrustedHome, *named: Dataset | str) -> str:
    """A request that names these (or UIDs that are not here), taken and judged; its id."""
    request = CommitmentRequest(
        id=secrets.token_hex(16),
        transaction_uid=generate_uid(),
        association_id=home.association,
        calling_ae="SCANNER9",
        called_ae="FRONTDOOR",
        address="127.0.0.1",
        peer="ct9",
        received_at=home.clock(),
        instances=tuple(
            ReferencedInstance(
                sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
                sop_instance_uid=one if isinstance(one, str) else one.SOPInstanceUID,
            )
            for one in named
        ),
    )
    with transaction(home.place.ledger) as ledger:
        commitments.add(ledger, request)
        commitments.judged(ledger, request.id, {1: 0x0110}, None, home.clock())
    return request.id


def lists(home: TrustedHome) -> list[StorageCommitment]:
    """Every message that was made of a list, in the order of revisions."""
    rows = home.rows("SELECT body FROM evidence WHERE project IS NOT NULL AND body LIKE '%storage-commitment%'")
    return sorted((StorageCommitment.model_validate_json(str(row[0])) for row in rows), key=lambda each: each.revision)


def deliver_all(home: TrustedHome) -> None:
    """Do NiFi's work until nothing is due; what is parked, withheld or settled goes no further."""
    announcer = home.announcer()
    try:
        while (announced := announcer.next(0)) is not None:
            outcome = route(home.place, reference(announced), RELEASE)
            for routed in json.loads(outcome.contents or "[]"):
                entry = dict(routed)
                if entry["kind"] != "evidence":
                    treated = treat(home.place, Reference.read(entry), home.pool)
                    if treated.relationship == "quarantine":
                        continue
                    entry |= treated.attributes
                assert home.confirm(entry, home.handoff.accept(entry, "lung")).relationship == "success"
    finally:
        announcer.close()


def pseudonyms(home: TrustedHome, *named: Dataset | str) -> list[str]:
    keys = home.place.keys.project("lung")
    return sorted(pseudonymous_uid(keys, one if isinstance(one, str) else one.SOPInstanceUID) for one in named)


def test_a_list_waits_for_treatment_and_then_names_what_was_sent_by_pseudonym(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    sent = [ct(study, series), ct(study, series), ct(study, series, NumberOfFrames=2)]
    home.seal(sent)
    asked = ask(home, *sent)
    assert home.rows("SELECT state FROM evidence") == [("pending",)]
    assert home.rows("SELECT due_at FROM evidence") == [(None,)]
    deliver_all(home)
    [said] = lists(home)
    assert (said.request, said.revision, said.total, said.withheld) == (asked, 1, 3, 1)
    assert list(said.instances) == pseudonyms(home, *sent[:2])
    assert said.study_instance_uid == pseudonymous_uid(home.place.keys.project("lung"), study)
    assert home.rows("SELECT DISTINCT state FROM evidence") == [("confirmed",)]


def test_a_list_holds_no_uid_of_the_hospital(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    sent = ct(study, series)
    home.seal([sent])
    ask(home, sent)
    deliver_all(home)
    [(body,)] = home.rows("SELECT body FROM evidence WHERE project IS NOT NULL")
    assert not any(uid in str(body) for uid in (study, series, sent.SOPInstanceUID))


def test_what_the_list_names_and_never_came_keeps_the_study_open(home: TrustedHome) -> None:
    sent = ct(generate_uid(), generate_uid())
    home.seal([sent])
    ask(home, sent, "1.2.3.4.5")
    deliver_all(home)
    [said] = lists(home)
    assert list(said.instances) == pseudonyms(home, sent, "1.2.3.4.5")
    assert Commitment((said,), frozenset(pseudonyms(home, sent))).missing() == "instances-missing"


def test_what_comes_after_the_request_makes_the_list_anew_if_it_changes_anything(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    first, late = ct(study, series), ct(study, series, NumberOfFrames=2)
    home.seal([first])
    ask(home, first, late)
    deliver_all(home)
    home.seal([late])
    deliver_all(home)
    before, after = lists(home)
    assert (before.revision, before.withheld, len(before.instances)) == (1, 0, 2)
    assert (after.revision, after.withheld, len(after.instances)) == (2, 1, 1)
    assert before.request == after.request


def test_a_resend_that_changes_nothing_is_not_told(home: TrustedHome) -> None:
    sent = ct(generate_uid(), generate_uid())
    home.seal([sent])
    ask(home, sent)
    deliver_all(home)
    home.seal([sent], revision=2)
    deliver_all(home)
    assert len(lists(home)) == 1


def test_what_a_person_let_go_is_named_from_then_on(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    known, unknown = ct(study, series), ct(study, series)
    home.seal([known])
    home.seal([unknown], hold="unknown-caller")
    ask(home, known, unknown)
    deliver_all(home)
    release_held(home.place.layout, home.place.ledger, "SCANNER9")
    deliver_all(home)
    before, after = lists(home)
    assert (before.held, list(before.instances)) == (1, pseudonyms(home, known))
    assert (after.held, list(after.instances)) == (0, pseudonyms(home, known, unknown))


def test_two_studies_in_one_request_get_a_list_each_and_what_is_absent_is_in_none(home: TrustedHome) -> None:
    one, other = ct(generate_uid(), generate_uid()), ct(generate_uid(), generate_uid())
    home.seal([one])
    home.seal([other])
    ask(home, one, other, "1.2.3.4.5")
    deliver_all(home)
    assert sorted(said.total for said in lists(home)) == [1, 1]


def test_a_lost_ledger_gets_its_requests_from_the_landing(home: TrustedHome) -> None:
    sent = ct(generate_uid(), generate_uid())
    home.seal([sent])
    asked = ask(home, sent)
    request = CommitmentRequest(
        id="7" * 32,
        transaction_uid="1.2.9",
        association_id=home.association,
        calling_ae="SCANNER9",
        called_ae="FRONTDOOR",
        address="127.0.0.1",
        peer="ct9",
        received_at=home.clock(),
        instances=(ReferencedInstance(sop_class_uid="1.2", sop_instance_uid="1.2.3"),),
    )
    request.write(home.place.layout.commitment_of(request.id))
    (Path(home.place.layout.commitments) / f"{asked}.json").write_text("{torn")
    assert recover(home.place.layout, home.place.ledger).commitments == 1
    assert home.rows("SELECT state FROM commitments WHERE id = ?", request.id) == [("requested",)]
    assert recover(home.place.layout, home.place.ledger).commitments == 0


def test_the_longest_list_that_a_receiver_takes_is_none_too_long_for_the_handoff() -> None:
    item = 8 + (8 + 26) + (8 + 28)  # of a request in implicit VR: its head, a class, a UID that no device has shorter
    longest = max(MAXIMUM_DATA_SET_BYTES // item, MAXIMUM_ITEMS)
    message = StorageCommitment(
        evidence_id=secrets.token_hex(16),
        project="lung",
        study_instance_uid="2.25.1",
        request=secrets.token_hex(16),
        revision=1,
        instances=tuple(f"2.25.{number:039d}" for number in range(10**38, 10**38 + longest)),
        total=longest,
    )
    assert len(canonical_json(message)) < Settings.model_fields["max_evidence_bytes"].default
