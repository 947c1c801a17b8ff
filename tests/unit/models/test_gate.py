"""What a gate may say."""

import pytest
from pydantic import ValidationError

from handoff.models.gate import Gate, judge, passed


@pytest.mark.parametrize(
    "threshold",
    [{}, {"worse_by": 0.1}, {"at_least": 0.1, "at_most": 0.9}, {"at_least": float("nan")}, {"at_least": 1, "over": 2}],
    ids=["nothing", "no direction", "both directions", "no number", "an unknown word"],
)
def test_a_threshold_that_cannot_be_meant_is_refused(threshold):
    with pytest.raises(ValidationError):
        Gate.model_validate({"metrics": {"dice": threshold}})


def test_a_value_that_is_no_number_passes_nothing():
    gate = Gate.model_validate({"metrics": {"dice": {"at_least": 0.1}}})
    findings = judge(gate, {"dice": float("nan")}, None, withdrawn=False)
    assert not passed(findings)
    assert findings[-1].shortfall == "metric-missing"


def test_a_first_version_has_nothing_to_be_worse_than():
    gate = Gate.model_validate({"metrics": {"dice": {"at_least": 0.1, "worse_by": 0}}})
    assert passed(judge(gate, {"dice": 0.2}, None, withdrawn=False))


def test_a_project_without_a_gate_lets_everything_pass_but_withdrawn_data():
    assert passed(judge(Gate(), {}, None, withdrawn=False))
    assert not passed(judge(Gate(), {}, None, withdrawn=True))
