"""Nothing leaves quarantine by one person's word, and nothing leaves as it came."""

import json
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from processors.audit.reading import records
from processors.audit.signer import Trusted
from processors.audit.verify import verify
from processors.deid.burned_in.box import Box
from processors.deid.burned_in.clean import PixelCleaner
from processors.deid.burned_in.signatures import Signatures
from processors.deid.engine import Engine, Treated, Withheld
from processors.deid.errors import ProfileError
from processors.deid.keys import KeyFile
from processors.deid.profile import Profile
from processors.delivery.flowfile import Reference
from processors.delivery.pinned import Route
from processors.delivery.treat import treat
from processors.quarantine import treat_again
from processors.quarantine.decided import decided
from processors.quarantine.decision import DECISION_FILE, Decision
from processors.quarantine.errors import (
    ChangedWishError,
    DecisionError,
    NotWaitingError,
    NoWishError,
    SecondPersonError,
)
from processors.quarantine.items import find, waiting
from processors.quarantine.wishes import approve, ask, reject, wish_of
from tests.unit.delivery.trusted_home import ct, part10
from tests.unit.quarantine.conftest import Quarantined

STRICTER = """
extends: research-default
name: no-maker
version: 1
"""


def decisions(home: Quarantined) -> list[dict]:
    return list(records(home.place.site.audit, "lung", kind="decision"))


def test_what_waits_is_named_by_shipment_and_file(home: Quarantined) -> None:
    home.fill()

    item = home.item

    assert (item.file, item.settled, item.project) == ("000002.dcm", True, "lung")
    assert item.reason == "verify-hit"
    assert find(home.place.ledger, item.id) == item
    with pytest.raises(NotWaitingError):
        find(home.place.ledger, item.shipment_id + "/000001")


def test_a_release_takes_two_people(home: Quarantined) -> None:
    home.fill()
    item = home.item
    with pytest.raises(NoWishError):
        approve(home.place, item, "bob", "0" * 64)
    wish = ask(home.place, item, Decision(), "ann", "rules are better now")

    with pytest.raises(SecondPersonError):
        approve(home.place, item, "ann", wish.decision.digest)

    assert home.item == item
    approve(home.place, item, "bob", wish.decision.digest)
    assert waiting(home.place.ledger) == []
    assert [(each["what"], each["by"]) for each in decisions(home)] == [
        ("release-asked", "ann"),
        ("release-approved", "bob"),
    ]


def test_what_is_released_is_treated_again_and_not_sent_as_it_is(home: Quarantined) -> None:
    """Nothing changed, so that it is withheld again, and waits again."""
    home.fill()
    before = home.item
    approve(home.place, before, "bob", ask(home.place, before, Decision(), "ann", "once more").decision.digest)

    outcome = treat(home.place, Reference.read(home.again()), home.pool)

    assert outcome.relationship == "quarantine"
    assert home.item.reason == before.reason
    assert home.item.shipment_id != before.shipment_id
    assert len(list(home.place.site.landing.rglob("*.zip"))) == 1


def test_a_release_by_another_profile_leaves_under_that_profile_for_its_own_project_alone(
    home: Quarantined, tmp_path: Path
) -> None:
    """A manufacturer who is called like the patient was a hit of the verifier; a profile of the site empties it."""
    profile = tmp_path / "ours.yaml"
    profile.write_text(STRICTER + "technical_text: {drop: [Manufacturer]}\n")
    home.fill()
    item = home.item
    assert item.reason == "verify-hit"
    wish = ask(home.place, item, Decision(profile=str(profile)), "ann", "a maker's name")
    approve(home.place, item, "bob", wish.decision.digest)

    entry = home.again()
    sent = home.treat(entry)

    assert waiting(home.place.ledger) == []
    [package] = list(records(home.place.site.audit, "lung", kind="package"))[1:]
    assert package["profile"] == "no-maker 1"
    assert package["treatment"]["decision"] == wish.decision.digest
    assert package["package"] == sent["package.sha256"]
    assert home.rows("SELECT count(*) FROM shipments") == [(2,)]


def test_a_box_is_kept_with_the_size_of_the_image_and_must_fit_into_it(
    home: Quarantined, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(treat_again, "can_show_text", lambda header: True)
    home.fill()

    wish = ask(home.place, home.item, Decision.of_words(("0,0,16,4", "2,8,3,3"), None), "ann", "banner")

    assert (wish.decision.rows, wish.decision.columns, len(wish.decision.masks)) == (16, 16, 2)
    with pytest.raises(DecisionError):
        ask(home.place, home.item, Decision.of_words(("0,0,17,4",), None), "ann", "too wide")
    with pytest.raises(DecisionError):
        ask(home.place, home.item, Decision.of_words(("0,0,4,4",), "release-strict"), "ann", "cleans no pixels")


def test_a_box_that_nobody_would_mask_is_not_promised(home: Quarantined) -> None:
    """A measured image passes with its pixels as they are, so a box would be forgotten."""
    home.fill()

    with pytest.raises(DecisionError):
        ask(home.place, home.item, Decision.of_words(("0,0,4,4",), None), "ann", "corner")


@pytest.mark.parametrize("word", ["1,2,3", "a,b,c,d", "0,0,0,4", "-1,0,4,4", ""])
def test_a_box_is_four_numbers(word: str) -> None:
    with pytest.raises(DecisionError):
        Decision.of_words((word,), None)


def test_a_profile_that_de_identifies_nothing_is_refused(home: Quarantined) -> None:
    home.fill()

    with pytest.raises(ProfileError):
        ask(home.place, home.item, Decision(profile="identified-passthrough"), "ann", "as it is")


class Finds:
    """A detector that finds a line wherever the upper left corner is not black, as if there were text."""

    name = "finds"

    def find(self, picture: np.ndarray) -> list[Box]:
        return [] if len(np.unique(picture[:4, :4])) == 1 else [Box(0, 0, 4, 4)]


def looking_engine(sites: Signatures, detector: object) -> Engine:
    keys = KeyFile("ab", 1, bytes(32)).project("lung")
    return Engine(Profile.load("research-default"), keys, PixelCleaner(detector, sites))  # type: ignore[arg-type]


def test_boxes_of_two_people_are_masked_beside_those_of_the_site_and_looked_at_again() -> None:
    image = ct("1.2.3", "1.2.3.4", BurnedInAnnotation="YES")
    pixels = np.arange(256, dtype=np.int16)
    image.PixelData = pixels.tobytes()
    sites = Signatures.parse("version: 1\nrules:\n  - {name: x, when: {Modality: US}, withhold: true}\n")
    engine = looking_engine(sites, Finds())
    wanted = Decision.of_words(("8,8,4,4",), None).model_copy(update={"rows": 16, "columns": 16})

    other = decided(engine, wanted)
    treated = other.treat(part10(image))

    assert decided(engine, Decision()) is engine
    assert other.facts["device_signatures"] != engine.facts["device_signatures"]
    assert isinstance(treated, Treated)
    assert treated.performed == ("113101",)
    left = np.frombuffer(b"".join(treated.chunks)[-512:], np.int16).reshape(16, 16)
    assert len(np.unique(left[8:12, 8:12])) == 1
    assert (left[0:8, 8:] == pixels.reshape(16, 16)[0:8, 8:]).all()


def test_a_device_that_the_site_withholds_stays_withheld_whatever_two_people_say() -> None:
    image = ct("1.2.3", "1.2.3.4", BurnedInAnnotation="YES")
    sites = Signatures.parse("version: 1\nrules:\n  - {name: x, when: {Modality: CT}, withhold: true}\n")
    wanted = Decision.of_words(("8,8,4,4",), None).model_copy(update={"rows": 16, "columns": 16})

    assert decided(looking_engine(sites, Finds()), wanted).treat(part10(image)) == Withheld("pixels-device-withheld")


def test_a_second_person_approves_what_they_saw_and_nothing_else(home: Quarantined) -> None:
    home.fill()
    item = home.item
    seen = ask(home.place, item, Decision(profile="release-strict"), "ann", "strict").decision.digest
    ask(home.place, item, Decision(), "ann", "no, as it is")

    with pytest.raises(ChangedWishError):
        approve(home.place, item, "bob", seen)

    assert home.item == item


def test_a_wish_that_somebody_changed_on_the_disk_is_not_done(home: Quarantined) -> None:
    home.fill()
    item = home.item
    ask(home.place, item, Decision(profile="release-strict"), "ann", "strict")
    [file] = (home.root / "quarantine").glob("*.json")
    for change in ({"by": "carl"}, {"decision": {"profile": "research-default"}}):
        kept = file.read_text()
        file.write_text(json.dumps({**json.loads(kept), **change}))
        changed = wish_of(home.place, item)
        assert changed is not None

        with pytest.raises(ChangedWishError):
            approve(home.place, item, "bob", changed.decision.digest)
        file.write_text(kept)

    assert home.item == item


@pytest.mark.parametrize("why", ["", "  ", "x" * 201, "two\nlines"])
def test_a_word_has_a_short_reason(home: Quarantined, why: str) -> None:
    home.fill()
    for word in (
        lambda: ask(home.place, home.item, Decision(), "ann", why),
        lambda: reject(home.place, home.item, "ann", why),
    ):
        with pytest.raises(DecisionError):
            word()

    assert decisions(home) == []


def test_what_is_rejected_goes_nowhere_and_waits_no_more(home: Quarantined) -> None:
    home.fill()
    item = home.item
    ask(home.place, item, Decision(), "ann", "once more")

    reject(home.place, item, "bob", "screen of a worklist")

    assert waiting(home.place.ledger) == []
    assert decisions(home)[-1]["what"] == "rejected"
    assert not list((home.root / "quarantine").glob("*.json"))
    assert home.rows("SELECT reason FROM shipment_instances WHERE state = 'withheld'") == [
        (f"discarded:{item.reason}",)
    ]


def test_the_record_of_decisions_is_part_of_the_chain_and_names_no_patient(home: Quarantined) -> None:
    home.fill()
    item = home.item
    original = dcmread(home.place.delivery_folder(item.delivery_id) / item.file)
    approve(home.place, item, "bob", ask(home.place, item, Decision(), "ann", "once more").decision.digest)

    found = verify(home.place.site.audit, "lung", Trusted.of_site(home.place.keys))
    said = b"".join(file.read_bytes() for file in home.place.site.audit.rglob("*.jsonl"))

    assert found.faults == []
    for value in (original.PatientID, original.SOPInstanceUID, str(original.PatientName), original.AccessionNumber):
        assert value.encode() not in said


def test_what_is_released_goes_under_the_identity_that_the_rest_of_its_series_went_under(home: Quarantined) -> None:
    """Two identities of one patient were joined when it was routed, and its siblings have left under the kept one."""
    (home.root / "merges.yaml").write_text("patients: [{keep: {id: HOSP-0815}, join: [{id: HOSP-4711}]}]\n")
    home.fill()
    item = home.item
    (home.root / "merges.yaml").unlink()
    approve(home.place, item, "bob", ask(home.place, item, Decision(), "ann", "once more").decision.digest)

    again = Route.read(home.place.delivery_folder(home.again()["delivery.id"]))

    assert again is not None
    assert [each.joins for each in again.shipments] == [((("HOSP-4711", ""), ("HOSP-0815", "")),)]


@pytest.mark.parametrize("text", ["{}x", '{"profile": "release-strict"}', None], ids=["unreadable", "other", "gone"])
def test_a_decision_that_is_not_the_approved_one_stops_its_shipment(home: Quarantined, text: str | None) -> None:
    home.fill()
    item = home.item
    approve(home.place, item, "bob", ask(home.place, item, Decision(), "ann", "once more").decision.digest)
    entry = home.again()
    file = home.place.delivery_folder(entry["delivery.id"]) / DECISION_FILE
    if text is None:
        file.unlink()
    else:
        file.write_text(text)

    with pytest.raises(DecisionError):
        treat(home.place, Reference.read(entry), home.pool)

    assert home.rows("SELECT state FROM shipments WHERE id = ?", entry["shipment.id"]) == [("routed",)]
