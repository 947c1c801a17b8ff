"""The backend of a target."""

from typing import assert_never

from handoff.backends.interface import Backend
from handoff.backends.kfp_local import KfpLocal
from handoff.home import ResearchHome
from handoff.settings import Target


def make_backend(home: ResearchHome, target: Target) -> Backend:
    """The engine that a target names."""
    match target.backend:
        case "kfp-local":
            return KfpLocal(home.runs, target)
        case _ as unreachable:
            assert_never(unreachable)
