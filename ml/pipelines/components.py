"""One lightweight component a step; each imports its one function from `ml`.

Nothing is installed at run time and no value of a site is compiled in: the worker's own environment has `ml`, and a
target that runs images puts its own in the place of `BASE_IMAGE`.
"""

from kfp import dsl

BASE_IMAGE = "sluice-python:set-by-target"


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)
def make_volumes(batch_uri: str, result_uri: str, spec: str) -> None:
    """Turn every series that passes the geometry gate into a volume."""
    from ml.recipes.prepare import make_volumes as run

    run(batch_uri, result_uri, spec)


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)
def fit(batch_uri: str, result_uri: str, spec: str, steps: int, seed: int) -> None:
    """Train the network on the annotated volumes of the train side."""
    from ml.recipes.train import fit as run

    run(batch_uri, result_uri, spec, steps, seed)


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)
def refit(  # noqa: PLR0917 - the arguments are the step's inputs, by name
    batch_uri: str, result_uri: str, model_uri: str, spec: str, steps: int, seed: int
) -> None:
    """Train on from the weights of a model on the annotated volumes of the train side."""
    from ml.recipes.train import fit as run

    run(batch_uri, result_uri, spec, steps, seed, model_uri)


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)
def evaluate_trained(batch_uri: str, handoff_key: str, result_uri: str, spec: str, retrained: bool) -> None:
    """Judge the model that was just trained on the test side and write the result."""
    from ml.recipes.evaluate import evaluate_and_publish as run

    run(batch_uri, handoff_key, result_uri, spec, retrained=retrained)


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)
def judge(batch_uri: str, result_uri: str, model_uri: str, spec: str) -> None:
    """Judge a registered model on the test side."""
    from ml.recipes.evaluate import judge as run

    run(batch_uri, result_uri, model_uri, spec)


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)
def predict(batch_uri: str, handoff_key: str, result_uri: str, model_uri: str, spec: str) -> None:
    """Write a DICOM SEG for every volume."""
    from ml.recipes.infer import predict as run

    run(batch_uri, handoff_key, result_uri, model_uri, spec)


@dsl.component(base_image=BASE_IMAGE, install_kfp_package=False)
def publish(handoff_key: str, result_uri: str) -> None:
    """Digest every file and write the result."""
    from ml.recipes.outcome import publish as run

    run(result_uri, handoff_key)
