"""A patient takes their consent back while results about them are on their way: none goes on, and none stays here."""

import pytest

from processors.landing.results import Ended
from processors.ledger import results
from processors.ledger.gaps import in_results
from processors.results.reasons import Reason
from processors.withdrawal.results import EndedResults, end_results
from tests.unit.results.conftest import Site, slices
from tests.unit.results.test_holding import refer

MINE = ("HOSP-4711", "")
NEVER_MADE = "1.2.826.0.1.3680043.8.498.1"


@pytest.fixture
def delivered(site):
    originals = slices(3)
    site.deliver(originals)
    return originals


def withdraw(site: Site, studies, project: str | None = None) -> EndedResults:
    return end_results(site.home.place, [MINE], {each.StudyInstanceUID for each in studies}, project)


def row(site: Site, id_: str) -> results.ResultObject:
    found = results.get(site.home.place.ledger, id_)
    assert found is not None
    return found


def files(site: Site, id_: str) -> list[str]:
    return sorted(path.name for path in site.home.place.layout.result(id_).iterdir())


def test_what_is_ready_to_be_sent_is_closed_and_leaves_the_landing(site, delivered):
    _, ready = site.bring(site.segmentation(delivered))
    assert withdraw(site, delivered) == EndedResults(closed=1)
    assert (row(site, ready.id).state, row(site, ready.id).reason) == ("closed", "withdrawn")
    assert files(site, ready.id) == ["claim.json", "ended.json", "kept.json"]
    ended = Ended.read(site.home.place.layout.result(ready.id))
    assert ended is not None
    assert (ended.state, ended.reason) == ("closed", "withdrawn")
    assert list(in_results(site.home.place.layout, site.home.place.ledger)) == []


def test_what_was_held_is_read_to_see_whose_it_is(site, delivered):
    _, held = site.bring(refer(site.segmentation(delivered), NEVER_MADE))
    assert held.study_uid is None
    assert withdraw(site, delivered) == EndedResults(closed=1)
    assert row(site, held.id).state == "closed"


def test_what_only_refers_to_an_image_of_theirs_is_theirs_too(site, delivered):
    other = slices(3, patient="HOSP-0815")
    site.deliver(other)
    made = site.segmentation(other)
    made.ReferencedSeriesSequence = site.segmentation(delivered).ReferencedSeriesSequence
    _, held = site.bring(made)
    assert held.state == "held"
    assert withdraw(site, delivered) == EndedResults(closed=1)


def test_what_is_another_patients_goes_on(site, delivered):
    other = slices(3, patient="HOSP-0815")
    site.deliver(other)
    _, theirs = site.bring(site.segmentation(other))
    assert withdraw(site, delivered) == EndedResults()
    assert row(site, theirs.id).state == "ready"


def test_nothing_of_another_project_is_ended(site, delivered):
    _, ready = site.bring(site.segmentation(delivered))
    assert withdraw(site, delivered, "heart") == EndedResults()
    assert row(site, ready.id).state == "ready"


def test_what_the_pacs_has_is_counted_and_its_copy_leaves_the_landing(site, delivered):
    _, ready = site.bring(site.segmentation(delivered))
    results.sent(site.home.place.ledger, ready.id, 0, site.home.clock())
    assert withdraw(site, delivered) == EndedResults(sent=1)
    assert row(site, ready.id).state == "sent"
    assert not [name for name in files(site, ready.id) if name.endswith(".dcm")]


def test_what_nobody_can_read_is_told_of(site, delivered):
    _, held = site.bring(b"no DICOM")
    assert withdraw(site, delivered) == EndedResults(unreadable=1)
    assert row(site, held.id).state == "held"


def test_what_comes_after_the_withdrawal_is_held_until_it_is_withdrawn_too(site, delivered):
    """NiFi had fetched it, and nobody had looked at it yet."""
    site.home.place.vault.withdraw(*MINE, "lung")
    outcome, held = site.bring(site.segmentation(delivered))
    assert (outcome.relationship, held.reason) == ("held", Reason.WITHDRAWN)
    assert withdraw(site, delivered) == EndedResults(closed=1)
    assert withdraw(site, delivered) == EndedResults()


def test_an_object_that_was_closed_stays_closed_for_its_own_reason(site, delivered):
    _, held = site.bring(refer(site.segmentation(delivered), NEVER_MADE))
    results.close(site.home.place.ledger, held.id, "discarded: nobody wants it", site.home.clock())
    assert withdraw(site, delivered) == EndedResults()
    assert row(site, held.id).reason == "discarded: nobody wants it"
    assert not [name for name in files(site, held.id) if name.endswith(".dcm")]


def test_what_the_pacs_took_while_it_was_withdrawn_is_told_as_sent(site, delivered):
    """SendDICOM was in the middle of it."""
    _, ready = site.bring(site.segmentation(delivered))
    withdraw(site, delivered)
    results.sent(site.home.place.ledger, ready.id, 0, site.home.clock())
    assert row(site, ready.id).state == "sent"
    assert withdraw(site, delivered) == EndedResults(sent=1)


def test_what_a_person_had_ended_is_not_sent_by_a_late_answer(site, delivered):
    _, held = site.bring(refer(site.segmentation(delivered), NEVER_MADE))
    results.close(site.home.place.ledger, held.id, "discarded: nobody wants it", site.home.clock())
    results.sent(site.home.place.ledger, held.id, 0, site.home.clock())
    assert row(site, held.id).state == "closed"
