"""`sluice expect`: what a real Orthanc counts closes a study at a real handoff, or keeps it open."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from handoff.schemas.studies import StudyView
from processors.deid.keys import KeyFile
from processors.deid.pseudonyms import pseudonymous_uid
from processors.delivery.announce import Announcer
from processors.delivery.confirm import Answer, confirm
from processors.delivery.flowfile import Reference
from processors.delivery.route import route
from processors.delivery.treat import treat
from processors.delivery.workers import Pool
from processors.delivery.workplace import Workplace
from processors.site import Site
from tests.integration.handoff.running import RunningHandoff, running
from tests.integration.pull.conftest import Hospital, Study
from tests.receiver_process import storescu
from tests.unit.delivery.trusted_home import RULES
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

QUIET_SECONDS = 3600
"""So long that no study of these tests can close by silence."""


class Hands:
    """Does NiFi's work between the hospital's trusted home and a handoff that really runs."""

    def __init__(self, hospital: Hospital, handoff: RunningHandoff) -> None:
        trusted = hospital.home / "trusted"
        (trusted / "rules.yaml").write_text(RULES)
        self.place = Workplace(Site.load(trusted))
        KeyFile.create(self.place.site.key_file)
        self.pool = Pool(1, hospital.root / "workers.log")
        self.handoff = handoff

    def carry(self) -> None:
        """Everything that is due, as far as it goes."""
        announcer = Announcer(self.place)
        try:
            while (announced := announcer.next(0)) is not None:
                routed = route(self.place, Reference.read(announced.attributes()), "f" * 64)
                for entry in _entries(routed.contents):
                    self._send(entry)
        finally:
            announcer.close()

    def _send(self, entry: dict[str, str]) -> None:
        if entry["kind"] == "shipment":
            entry = {**entry, **treat(self.place, Reference.read(entry), self.pool).attributes}
        kind = "evidence" if entry["kind"] == "evidence" else "shipments"
        body = Path(entry["package.path"]).read_bytes()
        heard = self.handoff.put(f"/v1/{kind}/{entry['shipment.id']}", body)
        answer = Answer(heard.status_code, heard.text)
        key = self.handoff.ready["receipt_public_key"]
        assert confirm(self.place, Reference.read(entry), answer, key).relationship == "success", heard.text

    def carried(self, study: Study) -> StudyView:
        """The study as the handoff sees it with all that is due by now; an association may still be about to end."""
        self.carry()
        return self.view(study)

    def view(self, study: Study) -> StudyView:
        """How the handoff sees an original study."""
        pseudonym = pseudonymous_uid(self.place.keys.project("lung"), study.uid)
        [found] = [each for each in self.handoff.client.studies() if each.study == pseudonym]
        return found


def _entries(contents: bytes | None) -> list[dict[str, str]]:
    return json.loads(contents) if contents else []


@pytest.fixture(scope="module")
def hands(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hands]:
    settings = {"rules": {"quiet_seconds": QUIET_SECONDS, "abort_quiet_seconds": QUIET_SECONDS}}
    with running(tmp_path_factory.mktemp("handoff"), settings=settings) as handoff:
        hands = Hands(hospital, handoff)
        yield hands
        hands.pool.close()
        hands.place.close()


def test_a_study_closes_without_quiet_time_when_all_that_the_pacs_counts_is_here(
    hospital: Hospital, hands: Hands
) -> None:
    study = hospital.study(4)
    wanted = hospital.list_of(study)
    assert hospital.pull("--list", wanted).code == 0
    wait_for(lambda: hands.carried(study).waiting_for == "quiet-time")
    assert hospital.run("expect", "pacs", "--list", wanted).code == 0
    wait_for(lambda: hands.carried(study).state == "complete")
    closed_by = hands.view(study).closed_by
    assert closed_by is not None
    assert (closed_by["rule"], closed_by["expected"], closed_by["delivered"]) == ("expected-count", 4, 4)
    assert closed_by["counted_by"] in closed_by["evidence"]


def test_a_study_stays_open_while_fewer_are_here_and_closes_when_the_rest_comes(
    hospital: Hospital, hands: Hands
) -> None:
    study = hospital.study(5)
    wanted = hospital.list_of(study, column="StudyInstanceUID")
    assert len(storescu(hospital.receiver.port, study.files[:3]).success) == 3
    wait_for(lambda: len(hospital.here(study)) == 3)
    ran = hospital.run("expect", "pacs", "--list", wanted)
    [counted] = ran.events("counted")
    assert (ran.code, counted["expected"], counted["here"]) == (1, 5, 3)
    wait_for(lambda: hands.carried(study).waiting_for == "instances-missing")
    assert (hands.view(study).state, hands.view(study).expected) == ("open", 5)
    assert hospital.pull("--list", wanted).code == 0
    wait_for(lambda: hands.carried(study).state == "complete")
    assert hands.view(study).instances == 5
    assert len(hospital.here(study)) == 5, "nothing was fetched twice"


def test_all_studies_of_the_last_days_can_be_counted(hospital: Hospital) -> None:
    study = hospital.study(2)
    assert hospital.pull("--list", hospital.list_of(study)).code == 0
    counted = hospital.run("expect", "pacs", "--open", 1).events("counted")
    known = hospital.receiver.rows("SELECT count(DISTINCT study_uid) FROM deliveries")
    assert [(len(counted),)] == known
    assert hospital.run("expect", "pacs", "--open", 1, "--modality", "CT").code == 2


def test_a_study_that_the_pacs_does_not_have_is_said(hospital: Hospital) -> None:
    wanted = hospital.root / "nobody.csv"
    wanted.write_text("PatientID\nNOBODY\n")
    ran = hospital.run("expect", "pacs", "--list", wanted)
    assert (ran.code, [each["line"] for each in ran.events("absent")]) == (1, [2])
