"""Pools: several equal targets under one name. Whichever of them has a free place takes what waits for the pool."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from handoff.targets import KubeflowTarget, LocalTarget, ServedModelTarget, Target


def require_equal(pools: Mapping[str, Iterable[str]], targets: Mapping[str, Target]) -> None:
    """Check that a run may go to any member of its pool.

    Raises:
        ValueError: a pool has a target's name, an unknown or repeated member, or members that differ for a run.
    """
    for name, members in pools.items():
        named = list(members)
        if name in targets:
            message = f"the pool {name} has the name of a target"
            raise ValueError(message)
        if not named or len(set(named)) != len(named) or not set(named) <= targets.keys():
            message = f"the pool {name} names a target twice, one that is not there, or none"
            raise ValueError(message)
        if len({_kind(targets[member]) for member in named}) != 1:
            message = f"the targets of the pool {name} differ in backend, GPUs, processes or model"
            raise ValueError(message)


def members_of(pools: Mapping[str, Iterable[str]], name: str) -> tuple[str, ...]:
    """The targets that a name stands for: a pool's members, or the target itself."""
    return tuple(pools.get(name, (name,)))


def gpus_of_run(target: Target) -> int:
    """The most GPUs that one run holds at one time; the steps of a pipeline that use any come one after another."""
    match target:
        case LocalTarget():
            return target.gpus
        case KubeflowTarget():
            return target.gpus.count if target.gpus else 0
        case ServedModelTarget():
            return 0
        case _ as unreachable:
            assert_never(unreachable)


def _kind(target: Target) -> tuple[str, int, int, str | None]:
    """What members of a pool have in common."""
    model = target.model if isinstance(target, ServedModelTarget) else None
    processes = target.processes if isinstance(target, LocalTarget) else 1
    return target.backend, gpus_of_run(target), processes, model
