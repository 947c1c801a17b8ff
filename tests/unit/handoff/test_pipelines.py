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


def compiled(old: str = "", new: str = "") -> str:
    """A compiled pipeline that keeps the contract, but for what is replaced."""
    return """
pipelineInfo: {name: lungs-pipeline}
components: {comp-train: {}}
deploymentSpec: {}
root:
  dag:
    tasks:
      train:
        inputs:
          parameters:
            result_uri: {componentInputParameter: result_uri}
  inputDefinitions:
    parameters:
      batch_uri: {parameterType: STRING}
      handoff_key: {parameterType: STRING}
      result_uri: {parameterType: STRING}
      model_uri: {parameterType: STRING, isOptional: true}
""".replace(old, new, 1)


def test_a_pipeline_that_keeps_the_contract_is_read():
    assert sorted(read_inputs(compiled())) == ["batch_uri", "handoff_key", "model_uri", "result_uri"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("      handoff_key: {parameterType: STRING}\n", "", "pipeline-inputs"),
        ("batch_uri: {parameterType: STRING}", "batch_uri: {parameterType: NUMBER_INTEGER}", "pipeline-inputs"),
        ("model_uri: {parameterType: STRING", "model_uri: {parameterType: LIST", "pipeline-inputs"),
        ("{componentInputParameter: result_uri}", "{runtimeValue: {constant: here}}", "pipeline-result"),
        ("name: lungs-pipeline", "name: train", "pipeline-name"),
        ("tasks:", "tasks: [1]\n    x:", None),
        ("inputs:\n", "inputs: [1]\n        x:\n", "pipeline-result"),
    ],
    ids=["input", "input-type", "model-type", "no-result", "name", "odd-tasks", "odd-inputs"],
)
def test_a_pipeline_that_could_never_be_believed_is_refused_when_it_is_registered(old, new, code):
    if code is None:
        read_inputs(compiled(old, new))
        return
    with pytest.raises(PipelineError) as error:
        read_inputs(compiled(old, new))
    assert error.value.code == code
