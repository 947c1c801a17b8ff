"""A pipeline or a parameter that cannot be kept is refused with a code, and nothing of it stays."""

import pytest

from handoff.errors import PipelineError
from handoff.pipelines.compiled import fit_parameter, read_inputs

PIPELINE = """
deploymentSpec: {}
root:
  inputDefinitions:
    parameters:
      batch_uri: {parameterType: STRING}
      handoff_key: {parameterType: STRING}
      result_uri: {parameterType: STRING}
      x: {parameterType: STRING, defaultValue: %s}
"""


def test_a_default_is_kept_as_it_stands():
    assert read_inputs(PIPELINE % "0.5")["x"].default == 0.5


@pytest.mark.parametrize("default", [".nan", "!!binary /w==", "2001-13-45", "2001-12-24", "!!set {a}", "[" * 5000])
def test_a_pipeline_whose_default_is_no_json_is_refused(default):
    with pytest.raises(PipelineError) as error:
        read_inputs(PIPELINE % default)
    assert error.value.code == "pipeline-invalid"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("NUMBER_DOUBLE", 10**400),
        ("NUMBER_DOUBLE", float("nan")),
        ("STRUCT", {"a": [float("inf")]}),
        ("STRING", "\ud800"),
    ],
)
def test_a_parameter_without_a_json_form_is_refused(kind, value):
    with pytest.raises(PipelineError) as error:
        fit_parameter(kind, value)
    assert error.value.code == "parameter-type"
