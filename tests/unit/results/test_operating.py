"""What an operator sees of results, and what stays of them."""

import json

import pytest
from click.testing import CliRunner
from pydicom.uid import generate_uid

from processors.delivery.retention import sweep_results
from processors.landing.results import Ended
from processors.ledger import results
from processors.ledger.gaps import in_results
from processors.ledger.repair import rebuild
from processors.results.commands import results as command
from processors.results.errors import NoSuchResultError
from tests.unit.results.conftest import slices


@pytest.fixture
def brought(make_site, tmp_path):
    """One object that is ready and one that is held, in a home as the commands take it."""
    site = make_site()
    originals = site.made_of = slices(3)
    site.deliver(originals)
    _, ready = site.bring(site.segmentation(originals))
    other = site.segmentation(originals, key="f" * 64)
    other.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID = generate_uid()
    _, held = site.bring(other)
    (tmp_path / "trusted").symlink_to(site.home.root)
    return site, ready, held


def run(tmp_path, *arguments):
    return CliRunner().invoke(command, [*arguments, "--home", str(tmp_path)])


def test_the_list_says_state_and_reason_and_nothing_of_a_patient(brought, tmp_path):
    _, ready, held = brought
    said = run(tmp_path, "list", "--json").output
    lines = {line["id"]: line for line in map(json.loads, said.splitlines())}
    assert (lines[ready.id]["state"], lines[held.id]["state"]) == ("ready", "held")
    assert lines[held.id]["reason"] == "unknown-pseudonym"
    assert ready.study_uid not in said
    assert run(tmp_path, "list", "--state", "held").output.split()[0] == held.id


def test_a_state_that_there_is_not_is_a_usage_error_and_no_empty_list(brought, tmp_path):
    said = run(tmp_path, "list", "--state", "hold")
    assert said.exit_code == 2
    assert all(state in said.output for state in results.STATES)


def test_show_explains_the_reason(brought, tmp_path):
    _, _, held = brought
    said = json.loads(run(tmp_path, "show", held.id).output)
    assert said["because"] == "The object names a UID that this site never made for this project."
    assert said["events"] == ["fetched", "held unknown-pseudonym"]
    assert isinstance(run(tmp_path, "show", "0" * 32).exception, NoSuchResultError)


def test_what_is_held_can_be_released_and_discarded_and_nothing_else_can(brought, tmp_path):
    site, ready, held = brought
    ledger = site.home.place.ledger
    assert isinstance(run(tmp_path, "discard", ready.id, "--reason", "no").exception, NoSuchResultError)
    assert run(tmp_path, "release", held.id).exit_code == 0
    assert results.get(ledger, held.id).state == "fetched"
    results.held(ledger, held.id, "unknown-pseudonym", 1.0)
    assert run(tmp_path, "discard", held.id, "--reason", "test data").exit_code == 0
    row = results.get(ledger, held.id)
    assert (row.state, row.reason, row.due_at) == ("closed", "discarded: test data", None)


def test_an_object_leaves_the_landing_when_its_pacs_has_had_it_for_long_enough(brought):
    site, ready, held = brought
    place = site.home.place
    results.sent(place.ledger, ready.id, 0, site.home.clock())
    assert sweep_results(place) == 0
    site.home.clock.now += 8 * 86400
    assert sweep_results(place) == 1
    assert sorted(file.name for file in place.layout.result(ready.id).iterdir()) == ["claim.json", "kept.json"]
    assert (place.layout.result(held.id) / "object.dcm").exists()
    assert sweep_results(place) == 0


def test_an_object_that_a_person_has_ended_leaves_the_landing_too(brought, tmp_path):
    site, _, held = brought
    place = site.home.place
    assert run(tmp_path, "discard", held.id, "--reason", "test data").exit_code == 0
    ended = Ended.read(place.layout.result(held.id))
    site.home.clock.now = ended.at + 1
    assert sweep_results(place) == 0
    site.home.clock.now = ended.at + 8 * 86400
    assert sweep_results(place) == 1
    left = sorted(file.name for file in place.layout.result(held.id).iterdir())
    assert left == ["claim.json", "ended.json", "kept.json"]
    assert sweep_results(place) == 0


def test_a_file_that_cannot_be_removed_keeps_nothing_from_being_announced(brought):
    site, ready, held = brought
    place = site.home.place
    (place.layout.result(ready.id) / "stuck.dcm").mkdir()
    results.sent(place.ledger, ready.id, 0, site.home.clock())
    results.release(place.ledger, held.id, site.home.clock())
    site.home.clock.now += 8 * 86400
    announcer = site.home.announcer()
    try:
        assert announcer.next(0).id == held.id
    finally:
        announcer.close()
    assert "stuck.dcm" in place.site.workers_log.read_text()


def test_what_was_fetched_again_after_it_was_kept_does_not_stay_in_the_inbox(brought):
    """The poll overtook the acknowledgement, and PutFile wrote after ReidentifyDICOM had looked."""
    site, ready, held = brought
    for name in (ready.id, held.id, "9" * 32, f".{ready.id}"):
        (site.inbox / name).write_bytes(b"fetched again")
    announcer = site.home.announcer()
    try:
        announcer.next(0)
    finally:
        announcer.close()
    assert {file.name for file in site.inbox.iterdir()} == {"9" * 32, f".{ready.id}"}, "not kept yet, or being written"
    assert results.get(site.home.place.ledger, ready.id).state == "ready"


def test_a_lost_ledger_finds_results_again_and_none_is_sent_that_was_sent_or_ended(brought, tmp_path):
    """They were acknowledged, so nobody would fetch them once more."""
    site, ready, held = brought
    place = site.home.place
    third = site.bring(site.segmentation(site.made_of, key="a" * 64))[1]
    Ended(state="sent", at=5.0, destination="pacs", sop_instance_uid=third.sop_instance_uid).write(
        place.layout.result(third.id)
    )
    assert run(tmp_path, "discard", held.id, "--reason", "test data").exit_code == 0
    content = (place.layout.root / ready.file).read_bytes()
    place.ledger.execute("DELETE FROM results")
    gaps = {gap.subject for gap in in_results(place.layout, place.ledger) if gap.kind == "result-not-in-ledger"}
    assert gaps == {ready.id, held.id, third.id}
    assert rebuild(place.site.landing, place.site.ledger).results == 3
    assert not list(in_results(place.layout, place.ledger))
    found = {row.id: row for row in results.of_state(place.ledger)}
    assert (found[ready.id].state, found[ready.id].fetched_at) == ("fetched", ready.fetched_at)
    assert (found[third.id].state, found[third.id].sent_at, found[third.id].due_at) == ("sent", 5.0, None)
    assert (found[held.id].state, found[held.id].reason) == ("closed", "discarded: test data")
    assert found[third.id].file == third.file, "so that it leaves the landing in its time"
    assert site.take(ready.id).relationship == "success"
    assert (place.layout.root / results.get(place.ledger, ready.id).file).read_bytes() == content
    assert rebuild(place.site.landing, place.site.ledger).results == 0


def test_an_object_that_was_not_kept_whole_is_fetched_again_and_not_entered(brought):
    site, _, _ = brought
    place = site.home.place
    place.ledger.execute("DELETE FROM results")
    for folder in place.layout.result_folders():
        (folder / "claim.json").unlink()
    assert rebuild(place.site.landing, place.site.ledger).results == 0
    assert not list(in_results(place.layout, place.ledger))
