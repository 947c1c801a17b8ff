"""One step's work shared by several processes: the step starts them with torchrun, and each finds its part by its rank.

A training step that runs on two processes takes the very steps that it would take on one: they draw the same crops and
each computes its share of them, the sums of the loss go over all of them, and gradients are averaged.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn import functional as shared
from torch.nn.parallel import DistributedDataParallel

from handoff.contract.environment import PROCESSES
from ml.errors import DeviceError


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which of how many processes this one is; alone it is the first of one."""

    rank: int = 0
    processes: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes, through which gradients flow."""
        return values if self.processes == 1 else shared.all_reduce(values)  # type: ignore[no-untyped-call]

    def wrapped(self, network: nn.Module) -> nn.Module:
        """A network whose gradients are averaged over all processes in each backward pass."""
        return network if self.processes == 1 else DistributedDataParallel(network)


ALONE = Ranks()


def processes_asked() -> int:
    """How many processes the target wants a step's work shared by; 1 when it says nothing.

    Raises:
        DeviceError: It says something that is no number of processes.
    """
    asked = os.environ.get(PROCESSES, "1")
    if not asked.isdecimal() or int(asked) < 1:
        message = f"the step was to share its work by {asked} processes."
        raise DeviceError(message)
    return int(asked)


def is_rank() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def run_ranks(module: str, arguments: Mapping[str, object], processes: int) -> None:
    """Run `python -m MODULE ARGUMENTS(json)` in that many processes and wait for all of them.

    They stay in the process group of the step, so what ends the run ends them.

    Raises:
        DeviceError: One of them failed; its own words are in the run's log.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run([*command, "-m", module, json.dumps(arguments)], stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        message = f"one of the {processes} processes that shared the work failed."
        raise DeviceError(message)


@contextmanager
def joined() -> Iterator[Ranks]:
    """Meet the others that torchrun started: NCCL where there is a GPU for each, gloo where there is none.

    Raises:
        DeviceError: There are GPUs, but not one for each process.
    """
    if not is_rank():
        yield ALONE
        return
    here, all_here = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    on_gpus = torch.cuda.is_available()
    if on_gpus and torch.cuda.device_count() < all_here:
        message = f"{all_here} processes were to share {torch.cuda.device_count()} GPUs."
        raise DeviceError(message)
    if on_gpus:
        torch.cuda.set_device(here)
    dist.init_process_group("nccl" if on_gpus else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()
