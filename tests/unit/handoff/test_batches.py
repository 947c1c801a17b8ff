"""A batch is named by its content, and its split is stable under growth."""

import random

from hypothesis import given
from hypothesis import strategies as st

from handoff.batches.identity import batch_id
from handoff.batches.split import split_of

digests = st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1, max_size=8, unique=True)


@given(digests, st.randoms(use_true_random=False))
def test_the_id_does_not_depend_on_the_order_of_anything(instances, order):
    annotations = [(digest, [f"1.{n}" for n in range(3)]) for digest in instances]
    shuffled = [
        (digest, order.sample(references, 3)) for digest, references in order.sample(annotations, len(annotations))
    ]
    assert batch_id(instances, annotations, None, "lungs", 25) == batch_id(
        order.sample(instances, len(instances)), shuffled, None, "lungs", 25
    )


def test_instances_annotations_spec_and_split_all_change_the_id():
    a, b = "a" * 64, "b" * 64
    ids = {
        batch_id([a], [], None, "lungs", 25),
        batch_id([a, b], [], None, "lungs", 25),
        batch_id([a, b], [(b, ["1.2"])], None, "lungs", 25),
        batch_id([a, b], [(b, ["1.3"])], None, "lungs", 25),
        batch_id([a], [], "c" * 64, "lungs", 25),
        batch_id([a], [], None, "lungs", 30),
        batch_id([a], [], None, "livers", 25),
    }
    assert len(ids) == 7


def test_the_split_of_a_patient_never_moves_when_others_come():
    patients = [f"P{n:05}" for n in range(2000)]
    before = {patient: split_of("lungs", patient) for patient in patients[:500]}
    random.Random(1).shuffle(patients)
    assert {p: s for p in patients if (s := split_of("lungs", p)) and p in before} == before


def test_the_split_keeps_its_share():
    tests = sum(split_of("lungs", f"P{n}") == "test" for n in range(10_000))
    # 2,500 expected; the standard deviation is sqrt(10000 * .25 * .75) = 43
    assert 2500 - 5 * 43 < tests < 2500 + 5 * 43


def test_a_wider_test_share_keeps_those_who_already_test():
    patients = [f"P{n}" for n in range(1000)]
    narrow = {p for p in patients if split_of("lungs", p, 20) == "test"}
    wide = {p for p in patients if split_of("lungs", p, 40) == "test"}
    assert narrow < wide
