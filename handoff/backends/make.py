"""The backend of a target."""

from typing import assert_never

from handoff.backends.interface import Backend
from handoff.backends.kfp_local import KfpLocal
from handoff.errors import StartError
from handoff.home import ResearchHome
from handoff.targets import KubeflowTarget, LocalTarget, Target


def make_backend(home: ResearchHome, target: Target) -> Backend:
    """The engine that a target names.

    Raises:
        StartError: what talks to that engine is not installed here.
    """
    match target:
        case LocalTarget():
            return KfpLocal(home.runs, target)
        case KubeflowTarget():
            raise StartError("The backend kfp is not here yet.", code="target", remedy="Use a target of kfp-local.")
        case _ as unreachable:
            assert_never(unreachable)
