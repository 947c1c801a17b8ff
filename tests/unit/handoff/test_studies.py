"""When a study is complete, and what it then consists of."""

import pytest

from handoff.contract.commitment import StorageCommitment
from handoff.contract.evidence import Evidence
from handoff.contract.expected import ExpectedCount, ExpectedSeries
from handoff.contract.performed import PerformedStep
from handoff.database.tables import Instance
from handoff.settings import ProjectRules
from handoff.studies.accounts import Commitment, Count, NamedSeries, Performed
from handoff.studies.content import content_digest, current_instances, truth_of
from handoff.studies.judge import Complete, Forgiven, Waiting, judge

RULES = ProjectRules(quiet_seconds=60, abort_quiet_seconds=900, commitment_quiet_seconds=10)
A, B = "a" * 32, "b" * 32


def evidence(
    *shipments: tuple[str, int, int], ending: str = "released", total: int | None = None, name: str = "e", **counts: int
):
    announced = [{"id": i, "delivered": d, "withheld": w} for i, d, w in shipments]
    sum_of_all = sum(d + w for _, d, w in shipments) + sum(counts.values())
    return Evidence.model_validate(
        {
            "evidence_id": name * 32,
            "project": "lungs",
            "study_instance_uid": "1.2",
            "ending": ending,
            "shipments": announced,
            "total": sum_of_all if total is None else total,
            **counts,
        }
    )


def verdict(messages, arrived, now=1000.0, last=0.0):
    return judge(messages, arrived, last, now, RULES)


def test_a_released_study_closes_when_all_arrived_and_quiet_time_passed():
    found = verdict([evidence((A, 3, 1), duplicates=2)], {A: 3})
    assert isinstance(found, Complete)
    assert found.closed_by["rule"] == "released-and-quiet"
    assert (found.closed_by["delivered"], found.closed_by["withheld"], found.closed_by["duplicates"]) == (3, 1, 2)


@pytest.mark.parametrize(
    ("messages", "arrived", "reason"),
    [
        ([], {A: 3}, "no-evidence"),
        ([evidence((A, 3, 0))], {A: 3, B: 1}, "no-evidence"),
        ([evidence((A, 3, 0), (B, 1, 0))], {A: 3}, "shipments-missing"),
        ([evidence((A, 3, 0))], {A: 2}, "counts-differ"),
        ([evidence((A, 3, 0), total=4)], {A: 3}, "counts-differ"),
        ([evidence((A, 3, 0), held=1)], {A: 3}, "held"),
    ],
)
def test_a_study_stays_open_while_anything_is_missing(messages, arrived, reason):
    assert verdict(messages, arrived) == Waiting(reason)


def test_a_wholly_withheld_shipment_is_not_waited_for():
    assert isinstance(verdict([evidence((A, 3, 0), (B, 0, 2))], {A: 3}), Complete)


def test_evidence_may_come_before_its_shipments():
    assert verdict([evidence((A, 3, 0))], {}) == Waiting("shipments-missing")


def test_quiet_time_counts_from_the_last_arrival():
    assert verdict([evidence((A, 3, 0))], {A: 3}, now=150, last=100) == Waiting("quiet-time", until=160)


def test_an_abort_waits_longer_than_a_release():
    aborted = [evidence((A, 3, 0), ending="aborted")]
    assert verdict(aborted, {A: 3}, now=100) == Waiting("aborted", until=900)
    assert isinstance(verdict(aborted, {A: 3}, now=901), Complete)


def test_a_release_after_an_abort_ends_the_wait():
    messages = [evidence((A, 3, 0), ending="aborted"), evidence((B, 1, 0), duplicates=3)]
    assert isinstance(verdict(messages, {A: 3, B: 1}, now=61), Complete)


def counted(expected: int, here: int, **counts: int) -> Count:
    facts = {"delivered": here, "withheld": 0, "held": 0, "elsewhere": 0, **counts}
    said = {"evidence_id": "c" * 32, "project": "lungs", "study_instance_uid": "1.2", "revision": 1, **facts}
    return Count(ExpectedCount.model_validate({**said, "expected": expected}), here)


def by_count(count, messages=(), arrived=None, now=0.0):
    return judge(list(messages), {A: 3} if arrived is None else arrived, 0.0, now, RULES, accounts=[count])


def test_a_study_closes_at_once_when_all_that_a_pacs_counts_have_arrived():
    found = by_count(counted(6, 3, withheld=2, elsewhere=1), [evidence((A, 3, 2))])
    assert isinstance(found, Complete)
    assert (found.closed_by["rule"], found.closed_by["expected"]) == ("expected-count", 6)
    assert found.closed_by["counted_by"] == "c" * 32
    assert found.closed_by["evidence"] == ["c" * 32, "e" * 32]


def test_a_count_needs_no_association_to_have_ended():
    assert isinstance(by_count(counted(3, 3)), Complete)


@pytest.mark.parametrize(
    ("count", "messages", "reason"),
    [
        (counted(4, 3), [], "instances-missing"),
        (counted(4, 3), [evidence((A, 3, 0))], "instances-missing"),
        (counted(4, 3, held=1), [], "held"),
        (counted(3, 3), [evidence((A, 3, 0), (B, 2, 0))], "shipments-missing"),
    ],
    ids=["fewer arrived", "fewer, though released and quiet", "held", "more was announced"],
)
def test_a_count_keeps_a_study_open_while_anything_is_missing(count, messages, reason):
    assert by_count(count, messages, now=10_000) == Waiting(reason)


def test_a_count_that_is_out_of_date_decides_nothing():
    assert by_count(counted(2, 3), []) == Waiting("no-evidence")
    assert isinstance(by_count(counted(2, 3), [evidence((A, 3, 0))], now=61), Complete)


def committed(listed: str, arrived: str, revision: int = 1, **counts: int) -> Commitment:
    """A list of the instances 1.a, 1.b ... and what has arrived, as letters."""
    said = StorageCommitment.model_validate(
        {
            "evidence_id": "d" * 32,
            "project": "lungs",
            "study_instance_uid": "1.2",
            "request": "9" * 32,
            "revision": revision,
            "instances": [f"1.{ord(letter)}" for letter in listed],
            "total": len(listed) + sum(counts.values()),
            **counts,
        }
    )
    return Commitment((said,), frozenset(f"1.{ord(letter)}" for letter in arrived))


def weighed(*accounts, messages=(), arrived=None, now=10.0, last=0.0, forgiven=Forgiven()):  # noqa: B008
    given = {A: 3} if arrived is None else arrived
    return judge(list(messages), given, last, now, RULES, accounts=accounts, forgiven=forgiven)


def test_a_commitment_list_closes_a_study_after_a_short_quiet_time_and_without_a_release():
    found = weighed(committed("abc", "abc", withheld=1))
    assert isinstance(found, Complete)
    assert found.closed_by["rule"] == "storage-commitment"
    assert (found.closed_by["expected"], found.closed_by["withheld"], found.closed_by["delivered"]) == (4, 1, 3)
    assert weighed(committed("abc", "abc"), now=9) == Waiting("quiet-time", until=10)


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        (committed("abcd", "abc"), "instances-missing"),
        (committed("abc", "abc", held=1), "held"),
    ],
    ids=["one of the list is not here", "one waits for a person"],
)
def test_what_a_commitment_list_names_is_waited_for_however_long_it_is_quiet(listed, reason):
    assert weighed(listed, messages=[evidence((A, 3, 0))], now=10_000) == Waiting(reason)


def test_a_commitment_list_of_one_series_of_two_closes_nothing_by_itself():
    assert weighed(committed("ab", "abc"), now=10_000) == Waiting("no-evidence")
    found = weighed(committed("ab", "abc"), messages=[evidence((A, 3, 0))], now=61)
    assert isinstance(found, Complete)
    assert found.closed_by["rule"] == "released-and-quiet"


def performed(arrived: str, *listed: str, **counts: int) -> Performed:
    """What steps made, one list of letters each, and what has arrived."""
    said = [
        PerformedStep.model_validate(
            {
                "evidence_id": str(number) * 32,
                "project": "lungs",
                "study_instance_uid": "1.2",
                "step": str(number) * 32,
                "revision": 1,
                "instances": [f"1.{ord(letter)}" for letter in letters],
                "total": len(letters) + sum(counts.values()),
                **counts,
            }
        )
        for number, letters in enumerate(listed)
    ]
    return Performed(tuple(said), frozenset(f"1.{ord(letter)}" for letter in arrived))


def test_what_a_completed_step_made_closes_a_study_after_a_short_quiet_time() -> None:
    found = weighed(performed("abc", "abc", withheld=1))
    assert isinstance(found, Complete)
    assert found.closed_by["rule"] == "performed-step"
    assert (found.closed_by["steps"], found.closed_by["expected"], found.closed_by["withheld"]) == (1, 4, 1)
    assert weighed(performed("abc", "abc"), now=9) == Waiting("quiet-time", until=10)


def test_several_steps_of_a_study_cover_together_what_is_here() -> None:
    found = weighed(performed("abc", "ab", "c"))
    assert isinstance(found, Complete)
    assert (found.closed_by["steps"], found.closed_by["evidence"]) == (2, ["0" * 32, "1" * 32])


@pytest.mark.parametrize(
    ("steps", "reason"),
    [(performed("abc", "abcd"), "instances-missing"), (performed("abc", "abc", held=1), "held")],
    ids=["one that was made is not here", "one waits for a person"],
)
def test_what_a_completed_step_made_is_waited_for_however_long_it_is_quiet(steps: Performed, reason: str) -> None:
    assert weighed(steps, messages=[evidence((A, 3, 0))], now=10_000) == Waiting(reason)


def test_a_step_of_one_series_of_two_closes_nothing_by_itself() -> None:
    assert weighed(performed("abc", "ab"), now=10_000) == Waiting("no-evidence")


def test_a_commitment_list_is_stronger_than_a_step() -> None:
    found = weighed(committed("abc", "abc"), performed("abc", "abc"))
    assert isinstance(found, Complete)
    assert found.closed_by["rule"] == "storage-commitment"


def series(expected: dict[str, int], arrived: dict[str, int], *, whole: bool = True, **counts: int) -> NamedSeries:
    said = ExpectedSeries.model_validate(
        {
            "evidence_id": "f" * 32,
            "project": "lungs",
            "study_instance_uid": "1.2",
            "revision": 1,
            "counted_by": "operator",
            "all_series": whole,
            "series": [{"series_instance_uid": uid, "expected": n, **counts} for uid, n in expected.items()],
        }
    )
    return NamedSeries(said, arrived)


def test_named_series_close_a_study_at_once_when_each_has_its_number():
    found = weighed(series({"1.3": 2, "1.4": 1}, {"1.3": 2, "1.4": 1}), now=0)
    assert isinstance(found, Complete)
    assert (found.closed_by["rule"], found.closed_by["counted_by"]) == ("expected-series", "operator")


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (series({"1.3": 2, "1.4": 1}, {"1.3": 3}), "series-missing"),
        (series({"1.3": 4}, {"1.3": 3}, whole=False), "series-missing"),
        (series({"1.3": 4}, {"1.3": 3}, held=1), "held"),
    ],
    ids=["a series never came", "a series is short", "an instance waits for a person"],
)
def test_a_named_series_is_waited_for_however_long_it_is_quiet(account, reason):
    """The numbers of one series never stand in for those of another."""
    assert weighed(account, messages=[evidence((A, 3, 0))], now=10_000) == Waiting(reason)


@pytest.mark.parametrize(
    "account",
    [
        series({"1.3": 3}, {"1.3": 3}, whole=False),
        series({"1.3": 2}, {"1.3": 2, "1.9": 1}),
        series({"1.3": 2}, {"1.3": 3}),
    ],
    ids=["some of the series", "a series that it does not know", "more than it knew of"],
)
def test_named_series_that_do_not_speak_of_all_that_is_here_leave_it_to_silence(account):
    assert weighed(account, now=10_000) == Waiting("no-evidence")
    assert isinstance(weighed(account, messages=[evidence((A, 3, 0))], now=61), Complete)


def test_the_strongest_evidence_closes_and_every_evidence_is_waited_for():
    listed, count = committed("abc", "abc"), counted(3, 3)
    found = weighed(listed, count)
    assert isinstance(found, Complete)
    assert found.closed_by["rule"] == "storage-commitment"
    assert found.closed_by["evidence"] == ["c" * 32, "d" * 32]
    assert weighed(listed, counted(5, 3)) == Waiting("instances-missing")


def test_what_a_person_settled_is_not_asked_for_again():
    """B never came, and a person closed the study upon A; C comes later with its own evidence."""
    settled = Forgiven(frozenset({"e" * 32}), frozenset({A}))
    messages = [evidence((A, 3, 0), (B, 1, 0), held=2), evidence(("c" * 32, 1, 0), name="1")]
    assert weighed(messages=messages, now=10_000) == Waiting("shipments-missing")
    assert weighed(messages=messages, now=10_000, forgiven=settled) == Waiting("shipments-missing")
    late = {A: 3, "c" * 32: 1}
    assert isinstance(weighed(messages=messages, arrived=late, now=61, forgiven=settled), Complete)


def test_a_late_shipment_that_nothing_speaks_of_keeps_a_forced_study_open():
    settled = Forgiven(frozenset(), frozenset({A}))
    assert weighed(arrived={A: 3, B: 1}, now=10_000, forgiven=settled) == Waiting("no-evidence")
    assert isinstance(weighed(arrived={A: 3}, now=61, forgiven=settled), Complete)


def row(number: int, uid: str, revision: int = 1, **facts) -> Instance:
    given = {"digest": f"{number:064x}", "annotation": False, "references": [], **facts}
    return Instance(id=number, sop_instance_uid=uid, revision=revision, **given)


def test_the_highest_revision_wins_whatever_arrives_last():
    late_but_older = [row(1, "1.1", revision=2), row(2, "1.1", revision=1), row(3, "1.2")]
    assert {item.id for item in current_instances(late_but_older)} == {1, 3}


def test_content_does_not_depend_on_the_order_of_arrival():
    rows = [row(1, "1.1"), row(2, "1.2")]
    assert content_digest(rows) == content_digest(rows[::-1])


def test_a_study_is_annotated_only_by_references_that_hit_it():
    images = [row(1, "1.1"), row(2, "1.2")]
    assert truth_of(images) == "unannotated"
    assert truth_of([*images, row(3, "1.3", annotation=True, references=["9.9"])]) == "dangling"
    assert truth_of([*images, row(3, "1.3", annotation=True, references=["9.9", "1.2"])]) == "annotated"
