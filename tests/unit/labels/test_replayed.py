"""Labels exist in one key epoch: in a new one they are refused until the project was replayed, then imported anew."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.deid.pseudonyms import patient_pseudonym
from processors.delivery.replay import replay
from processors.delivery.route import route
from tests.unit.delivery.trusted_home import reference
from tests.unit.labels.hospital import Hospital, listed


@pytest.fixture
def fresh(tmp_path: Path, hospital: Hospital):
    """A hospital of its own, for tests that write."""
    made = hospital.copied(tmp_path / "home" / "trusted")
    yield made
    made.home.close()


def arrive(hospital: Hospital) -> None:
    """What the replay queued, to its receipt; evidence and labels may wait."""
    announcer = hospital.home.announcer()
    while announcement := announcer.next(0):
        if announcement.kind == "delivery":
            outcome = route(hospital.home.place, reference(announcement), "r")
            for entry in json.loads(outcome.contents or b"[]"):
                hospital._deliver(entry)
    announcer.close()


def test_in_a_new_epoch_a_label_waits_for_the_replay(fresh: Hospital, sheet: Callable[..., Path]) -> None:
    file = sheet("StudyInstanceUID,grade", f"{fresh.seen['other study'].StudyInstanceUID},1")
    old = fresh.run(file)
    place = fresh.home.place
    place.keys.begin_epoch("lung").save(place.site.key_file)
    place._keys = None

    assert listed(fresh.run(file)) == [(2, "other-key-epoch")]

    replay(place, "lung", "ada", None, lambda _done, _all: None)
    arrive(fresh)
    new = fresh.run(file)

    assert listed(new) == []
    assert new.recorded is not None
    assert (new.recorded.revision, new.recorded.unchanged) == (2, False)
    [target] = new.judgement.taken
    assert target.patient == patient_pseudonym(place.keys.project("lung"), "HOSP-4711")
    assert target not in old.judgement.taken
