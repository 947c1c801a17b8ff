"""Evidence leaves when its counts are exact, names nothing original, and is the same whenever it is asked for again."""

import json
from collections.abc import Callable
from pathlib import Path

from pydicom.uid import MRImageStorage, generate_uid

from handoff.contract.evidence import Evidence
from handoff.contract.expected import ExpectedCount
from processors.landing.journal import DuplicateInstance
from processors.ledger import expectations
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference

SECOND = "5" * 32


def body(entry: dict[str, str]) -> Evidence:
    return Evidence.model_validate_json(Path(entry["package.path"]).read_bytes())


def again(home: TrustedHome, dataset: object) -> DuplicateInstance:
    """The same instance once more, as the receiver notes it."""
    [(digest,)] = home.rows("SELECT digest FROM instances WHERE sop_instance_uid = ?", dataset.SOPInstanceUID)
    return DuplicateInstance(
        sop_instance_uid=dataset.SOPInstanceUID,
        sop_class_uid=dataset.SOPClassUID,
        study_instance_uid=dataset.StudyInstanceUID,
        series_instance_uid=dataset.SeriesInstanceUID,
        revision=1,
        digest=digest,
        size=1,
        received_at=home.clock(),
    )


def test_evidence_waits_for_treatment_of_every_delivery_of_its_association(home: TrustedHome) -> None:
    study = generate_uid()
    for _ in range(2):
        home.seal([ct(study, generate_uid())])
    home.end()
    announcer = home.announcer()
    entries = [home.route(reference(announcer.next(0)))[0] for _ in range(2)]
    home.treat(entries[0])
    assert announcer.next(0) is None
    home.treat(entries[1])
    assert announcer.next(0).kind == "evidence"


def test_evidence_may_leave_before_its_shipments_are_confirmed_and_counts_them(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    home.seal([ct(study, series), ct(study, series, NumberOfFrames=2)])
    home.seal([ct(study, generate_uid(), PatientID="")])
    home.end()
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))
    home.treat(entry)
    from processors.delivery.route import route

    assert route(home.place, reference(announcer.next(0)), "r").relationship == "parked"
    [message] = home.route(reference(announcer.next(0)))
    said = body(message)
    assert [(s.id, s.delivered, s.withheld) for s in said.shipments] == [(entry["shipment.id"], 1, 1)]
    assert (said.held, said.duplicates, said.total, said.ending) == (1, 0, 3, "released")
    assert said.accounted() == said.total


def test_duplicates_count_for_the_project_that_has_the_first_copy(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    slices = [ct(study, series) for _ in range(3)]
    home.seal(slices)
    home.end()
    home.end([again(home, each) for each in slices[:2]], association=SECOND)
    announcer = home.announcer()
    first = announcer.next(0)
    assert announcer.next(0) is None
    home.deliver(reference(first))

    said = [body(entry) for _ in range(2) for entry in home.route(reference(announcer.next(0)))]
    assert sorted((len(each.shipments), each.duplicates, each.total) for each in said) == [(0, 2, 2), (1, 0, 3)]
    assert len({each.study_instance_uid for each in said}) == 1


def test_the_message_is_the_same_whenever_it_is_announced_again(home: TrustedHome) -> None:
    home.seal([ct(generate_uid(), generate_uid())])
    home.end()
    announcer = home.announcer()
    home.deliver(reference(announcer.next(0)))
    [before] = home.route(reference(announcer.next(0)))
    Path(before["package.path"]).unlink()
    home.clock.now += 3600
    [after] = home.route(reference(announcer.next(0)))
    assert {**after, "delivery.n": ""} == {**before, "delivery.n": ""}
    assert home.handoff.accept(after, "lung").status == 201


def test_studies_that_no_rule_names_send_no_evidence(home: TrustedHome) -> None:
    from processors.delivery.route import route

    home.seal([ct(generate_uid(), generate_uid(), Modality="MR", SOPClassUID=MRImageStorage)])
    home.end()
    announcer = home.announcer()
    assert route(home.place, reference(announcer.next(0)), "r").relationship == "parked"
    assert route(home.place, reference(announcer.next(0)), "r").relationship == "superseded"
    assert home.rows("SELECT state, due_at FROM evidence") == [("confirmed", None)]


def test_each_project_is_told_only_of_its_own(make_home: Callable[..., TrustedHome]) -> None:
    rules = """
rules:
  - name: lung
    when: {series_words: lung}
    ship: [{project: lung}]
  - name: others
    ship: [{project: heart}]
"""
    home = make_home(rules=rules)
    study = generate_uid()
    home.seal([ct(study, generate_uid(), SeriesDescription="Lung 1.0")])
    home.seal([ct(study, generate_uid())])
    home.end()
    announcer = home.announcer()
    for _ in range(2):
        [entry] = home.route(reference(announcer.next(0)))
        home.treat(entry)
    said = [body(entry) for entry in home.route(reference(announcer.next(0)))]
    assert sorted((each.project, each.total) for each in said) == [("heart", 1), ("lung", 1)]
    assert len({each.study_instance_uid for each in said}) == 2
    assert study not in json.dumps([each.plain() for each in said])


def count(home: TrustedHome, study: str, expected: int) -> None:
    expectations.add(home.place.ledger, study, "pacs", expected, home.clock())


def told(home: TrustedHome, announced: object) -> list[ExpectedCount]:
    entries = home.route(reference(announced))
    return [ExpectedCount.model_validate_json(Path(each["package.path"]).read_bytes()) for each in entries]


def test_a_count_waits_for_what_is_here_of_its_study_and_says_what_became_of_it(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    count(home, study, 4)
    announcer = home.announcer()
    assert announcer.next(0) is None
    home.seal([ct(study, series), ct(study, series, NumberOfFrames=2)])
    home.seal([ct(study, generate_uid(), Modality="MR", SOPClassUID=MRImageStorage)])
    [entry] = home.route(reference(announcer.next(0)))
    home.treat(entry)
    from processors.delivery.route import route

    assert route(home.place, reference(announcer.next(0)), "r").relationship == "parked"
    [said] = told(home, announcer.next(0))
    assert (said.expected, said.delivered, said.withheld, said.held, said.elsewhere) == (4, 1, 1, 0, 1)
    assert study not in said.model_dump_json()


def test_what_came_twice_counts_once(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    slices = [ct(study, series) for _ in range(2)]
    announcer = home.announcer()
    for datasets in (slices, slices[:1]):
        home.seal(datasets)
        home.deliver(reference(announcer.next(0)))
    count(home, study, 2)
    [said] = told(home, announcer.next(0))
    assert (said.delivered, said.revision) == (2, 1)


def test_a_later_count_of_the_study_has_a_higher_revision_and_is_confirmed_like_all_evidence(home: TrustedHome) -> None:
    study = generate_uid()
    home.seal([ct(study, generate_uid())])
    announcer = home.announcer()
    home.deliver(reference(announcer.next(0)))
    for _ in range(2):
        count(home, study, 1)
    announced = [announcer.next(0) for _ in range(2)]
    assert sorted(each.revision for one in announced for each in told(home, one)) == [1, 2]
    for one in announced:
        [entry] = home.route(reference(one))
        assert home.confirm(entry, home.handoff.accept(entry, "lung")).relationship == "success"
    assert {row[0] for row in home.rows("SELECT state FROM evidence")} == {"confirmed"}
