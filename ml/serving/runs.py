"""Served runs: one per key, some at a time, taken up again after a crash.

1. A key that ended, or that some process has, starts nothing.
2. The order is durable before the answer leaves; a repeat with another order is refused.
3. A run is the `infer` pipeline's two steps: predict, publish. What they check, they check here too.
4. Before each volume the run looks whether it was ended, and whether its time is over.
5. A run that was taken up too often has killed its servers, and is failed instead of begun.
"""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Literal

import structlog
from pydantic import ValidationError

from handoff.contract.result import RESULT_FILE, Result
from ml.datasets.batch import load_batch
from ml.errors import MLError
from ml.recipes.infer import segment_batch
from ml.recipes.outcome import publish
from ml.serving.errors import BusyError, ConflictError, OutsideError
from ml.serving.record import Ended, Order, Record, unfinished
from ml.serving.roots import Roots
from ml.serving.served_model import ServedModel

log = structlog.get_logger("ml.serving")
MOST_BEGINNINGS = 3
OTHER_MODEL = "other-model"
"""Why a run waits at a server that has not the model that it was ordered of."""
State = Literal["unknown", "waiting", "running", "succeeded", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a key finds."""

    state: State
    reason: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many runs compute and how many may wait, and for how long one may compute."""

    at_once: int = 1
    waiting: int = 64
    seconds: float = 86_400


class _EndedError(Exception):
    """Somebody ended the run."""


class _OvertimeError(Exception):
    """The run's time is over."""


class _ClosingError(Exception):
    """The server ends; the run is taken up by the next one."""


class Runs:
    """All runs of one served model that this process has."""

    def __init__(self, model: ServedModel, roots: Roots, limits: Limits) -> None:
        self._model = model
        self._roots = roots
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.at_once, thread_name_prefix="run")
        self._lock = threading.Lock()
        self._held: dict[str, State] = {}
        self._closing = threading.Event()

    def key(self, text: str) -> str:
        """A key that names a run and nothing else.

        Raises:
            ServingError: it is none.
        """
        return self._roots.key(text)

    def start(self, key: str, batch_uri: str, result_uri: str) -> Seen:
        """Start the run of a key, unless it is known.

        Raises:
            OutsideError: the batch or the result lies outside the roots.
            ConflictError: the key is known with another order.
            BusyError: too many wait.
        """
        self._roots.batch(batch_uri)
        self._roots.result(result_uri, key)
        record = Record.of(self._roots.results, key)
        wanted = Order(key, batch_uri, result_uri.removesuffix("/"), self._model.sha256)
        known = record.order()
        if known is None and len(self._held) >= self._limits.at_once + self._limits.waiting:
            raise BusyError
        if (known or record.accept(wanted)) != wanted:  # (2)
            raise ConflictError("This key stands for another order here.", code="other-order")
        return self.look(key)

    def look(self, key: str) -> Seen:
        """See where a run is; one that no process has is taken up, by a server of the model that it was ordered of."""
        record = Record.of(self._roots.results, key)
        order = record.order()
        if order is None:
            return Seen("unknown")
        ended = record.ended()
        if ended is not None:  # (1)
            return Seen(ended.state, ended.reason, record.attempts())
        if order.model_sha256 != self._model.sha256:
            return Seen("waiting", OTHER_MODEL, record.attempts())
        self._take(record, order)
        ended = record.ended()  # it may have ended between the two looks
        if ended is not None:
            return Seen(ended.state, ended.reason, record.attempts())
        return Seen(self._held.get(key, "running"), "", record.attempts())

    def cancel(self, key: str) -> Seen:
        """End a run: at once on the record, before its next volume in the process that computes it."""
        record = Record.of(self._roots.results, key)
        if record.order() is None:
            return Seen("unknown")
        if record.end(Ended("canceled", "asked")):
            record.log("canceled, as asked")
        return self.look(key)

    def resume(self) -> int:
        """Take up what a server before this one left; returns how many."""
        seen = [self.look(key) for key in unfinished(self._roots.results) if not self._closing.is_set()]
        return sum(each.state in {"waiting", "running"} and each.reason != OTHER_MODEL for each in seen)

    def close(self, grace_seconds: float) -> bool:
        """Let runs stop before their next volume; True when none computes any more after the grace time."""
        self._closing.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + grace_seconds
        while "running" in self._held.values() and time.monotonic() < deadline:
            time.sleep(0.05)
        return "running" not in self._held.values()

    def _take(self, record: Record, order: Order) -> None:
        with self._lock:
            if order.key in self._held or self._closing.is_set():
                return
            held = record.hold()
            if held is None:
                return
            self._held[order.key] = "waiting"
        self._pool.submit(self._run, record, order, held)

    def _run(self, record: Record, order: Order, held: IO[str]) -> None:
        """One thread's work: begin, compute, say how it ended, let go."""
        began = time.monotonic()
        ended: Ended | None = None
        try:
            if record.ended() is not None or self._closing.is_set():
                return
            self._held[order.key] = "running"
            if record.begin() > MOST_BEGINNINGS:  # (5)
                ended = Ended("failed", "server-died")
            elif self._published(order):
                ended = Ended("succeeded")  # the server died between the result and this word
            else:
                ended = self._compute(record, order, began)
        except _ClosingError:
            record.interrupted()
        except _EndedError:
            record.log("stopped")
        except Exception as error:  # the outermost loop of a run: what a step raises ends this run, never the server
            record.log(f"{type(error).__name__}: {error}" if isinstance(error, MLError) else type(error).__name__)
            log.exception("served-run-failed", key=order.key)
            ended = Ended("failed", _reason(error))
        finally:
            if ended is not None and record.end(ended):
                record.log(f"{ended.state} {ended.reason}".rstrip())
            seconds = round(time.monotonic() - began, 3)
            log.info("served-run", key=order.key, model=self._model.id, ended=ended and ended.state, seconds=seconds)
            with self._lock:
                self._held.pop(order.key, None)
            held.close()

    def _compute(self, record: Record, order: Order, began: float) -> Ended:
        """Step (3)."""
        record.log(f"computes with {self._model.id} {self._model.sha256}")

        def go_on() -> None:  # (4)
            if record.ended() is not None:
                raise _EndedError
            if self._closing.is_set():
                raise _ClosingError
            if time.monotonic() - began > self._limits.seconds:
                raise _OvertimeError

        model = self._model
        batch = load_batch(order.batch_uri)
        self._roots.check(batch)
        named = {"handoff_key": order.key, "result_uri": order.result_uri}
        segment_batch(model.network, model.threshold, model.spec, batch, **named, go_on=go_on)
        go_on()
        publish(order.result_uri, order.key)
        return Ended("succeeded")

    def _published(self, order: Order) -> bool:
        """Whether an earlier beginning wrote the result of this key."""
        file = self._roots.result(order.result_uri, order.key) / RESULT_FILE
        with contextlib.suppress(OSError, ValidationError):
            result = Result.model_validate_json(file.read_bytes())
            found = (result.handoff_key, result.kind, result.code_digest)
            return found == (order.key, "infer", self._model.code_digest)
        return False


def _reason(error: Exception) -> str:
    match error:
        case _OvertimeError():
            return "timeout"
        case OutsideError():
            return error.code
        case _:
            return "step-failed"
