"""A batch never mixes pseudonyms of two epochs of a project's keys: one patient would count as two."""

import pytest

from handoff.database.tables import Batch
from handoff.errors import BatchError
from tests.integration.handoff.packages import Package


def of_epoch(epoch: str | None, **facts: object) -> Package:
    treatment = {"profile": "basic", **({"key_epoch": epoch} if epoch else {})}
    return Package.of(1, treatment=treatment, **facts)


@pytest.mark.parametrize("other", ["0a0b0c0d/2", "0f0f0f0f/1", None])
def test_two_epochs_are_refused_and_either_can_be_asked_for(desk, other):
    desk.delivered(of_epoch("0a0b0c0d/1", patient="P-ONE"), of_epoch(other, patient="P-TWO"))
    with pytest.raises(BatchError) as refused:
        desk.form()
    assert refused.value.code == "epochs-mixed"
    assert "key_epoch" in refused.value.remedy
    desk.form(key_epoch="0a0b0c0d/1")
    if other:
        desk.form(key_epoch=other)


def test_what_is_of_another_epoch_is_named_as_left_out(desk):
    first, second = of_epoch("0a0b0c0d/1"), of_epoch("0a0b0c0d/2")
    desk.delivered(first, second)
    identifier = desk.form(key_epoch="0a0b0c0d/2")
    with desk.database.read() as session:
        batch = session.get(Batch, identifier)
        assert batch.details["left_out"] == [{"study": first.study, "reason": "other-key-epoch"}]
        assert batch.instances == 1


def test_studies_that_are_asked_for_by_name_are_refused_too(desk):
    first, second = of_epoch("0a0b0c0d/1"), of_epoch("0a0b0c0d/2")
    desk.delivered(first, second)
    with pytest.raises(BatchError, match="2 key epochs"):
        desk.form(select={"studies": [first.study, second.study]}, key_epoch="0a0b0c0d/2")


def test_one_study_of_two_epochs_is_of_neither(desk):
    """Where an option retains UIDs, a study keeps its name in each epoch."""
    first = of_epoch("0a0b0c0d/1")
    desk.delivered(first)
    desk.deliver(of_epoch("0a0b0c0d/2", study=first.study))
    desk.complete()
    for epoch in (None, "0a0b0c0d/1", "0a0b0c0d/2"):
        with pytest.raises(BatchError):
            desk.form(key_epoch=epoch)


def test_a_withdrawn_epoch_is_in_nobodys_way(desk):
    old, new = of_epoch("0a0b0c0d/1"), of_epoch("0a0b0c0d/2")
    desk.delivered(old, new)
    withdrawal = desk.withdraw(old)
    desk.work(withdrawal.id)
    desk.form()
