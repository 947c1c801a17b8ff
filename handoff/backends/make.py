"""The backend of a target."""

from typing import assert_never

from handoff.backends.interface import Backend
from handoff.backends.kfp_local import KfpLocal
from handoff.backends.kserve import KServe
from handoff.errors import StartError
from handoff.home import ResearchHome
from handoff.targets import KubeflowTarget, LocalTarget, ServedModelTarget, Target


def make_backend(home: ResearchHome, name: str, target: Target) -> Backend:
    """The engine that a target names; what talks to a cluster is imported only for a target that has one.

    Raises:
        StartError: what talks to that engine is not installed here.
    """
    match target:
        case LocalTarget():
            return KfpLocal(home.runs, target)
        case KubeflowTarget():
            return _kubeflow(home, name, target)
        case ServedModelTarget():
            return KServe(home, target)
        case _ as unreachable:
            assert_never(unreachable)


def _kubeflow(home: ResearchHome, name: str, target: KubeflowTarget) -> Backend:
    try:
        from handoff.backends.kfp import Kubeflow
    except ImportError as error:
        message = f"The target {name} is on Kubeflow, but {error.name} is not installed here."
        raise StartError(message, code="target", remedy="Install dicom-sluice[kubeflow].") from error
    return Kubeflow(home.kubeflow, name, target)
