"""The graphs: prepare, train, retrain, evaluate, infer. Inputs and result are those of the pipeline contract.

`batch_uri` names the lines of the batch, `handoff_key` is repeated in the result, `result_uri` is the folder of the
result; the last step writes `result.json` there.
"""

from kfp import dsl

from ml.pipelines import components

SPEC = "ct-body"


@dsl.pipeline(name="prepare", description="Series to volumes behind the geometry gate.")
def prepare(batch_uri: str, handoff_key: str, result_uri: str, spec: str = SPEC) -> None:
    """Make volumes, then publish."""
    volumes = components.make_volumes(batch_uri=batch_uri, result_uri=result_uri, spec=spec)
    components.publish(handoff_key=handoff_key, result_uri=result_uri).after(volumes)


@dsl.pipeline(name="train", description="Train and judge a 3D U-Net on a prepared batch.")
def train(  # noqa: PLR0917 - the arguments are the pipeline's inputs, by name
    batch_uri: str, handoff_key: str, result_uri: str, spec: str = SPEC, steps: int = 350, seed: int = 1
) -> None:
    """Fit, then judge and publish."""
    model = components.fit(batch_uri=batch_uri, result_uri=result_uri, spec=spec, steps=steps, seed=seed)
    components.evaluate_trained(
        batch_uri=batch_uri, handoff_key=handoff_key, result_uri=result_uri, spec=spec, retrained=False
    ).after(model)


@dsl.pipeline(name="retrain", description="Train on from a registered model, and judge, on a prepared batch.")
def retrain(  # noqa: PLR0917 - the arguments are the pipeline's inputs, by name
    batch_uri: str,
    handoff_key: str,
    result_uri: str,
    model_uri: str,
    spec: str = SPEC,
    steps: int = 150,
    seed: int = 1,
) -> None:
    """Fit from the model's weights, then judge and publish."""
    model = components.refit(
        batch_uri=batch_uri, result_uri=result_uri, model_uri=model_uri, spec=spec, steps=steps, seed=seed
    )
    components.evaluate_trained(
        batch_uri=batch_uri, handoff_key=handoff_key, result_uri=result_uri, spec=spec, retrained=True
    ).after(model)


@dsl.pipeline(name="evaluate", description="Judge a registered model on the test side of a prepared batch.")
def evaluate(batch_uri: str, handoff_key: str, result_uri: str, model_uri: str, spec: str = SPEC) -> None:
    """Judge, then publish."""
    judged = components.judge(batch_uri=batch_uri, result_uri=result_uri, model_uri=model_uri, spec=spec)
    components.publish(handoff_key=handoff_key, result_uri=result_uri).after(judged)


@dsl.pipeline(name="infer", description="DICOM SEG of every volume of a prepared batch.")
def infer(batch_uri: str, handoff_key: str, result_uri: str, model_uri: str, spec: str = SPEC) -> None:
    """Predict, then publish."""
    segmentations = components.predict(
        batch_uri=batch_uri, handoff_key=handoff_key, result_uri=result_uri, model_uri=model_uri, spec=spec
    )
    components.publish(handoff_key=handoff_key, result_uri=result_uri).after(segmentations)
