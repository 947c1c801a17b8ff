"""A loop whose time passes at once: whoever sleeps wakes when nothing else is left to do, however busy the machine is.

Only for what stays in one thread and reads the loop's own clock.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Counts the seconds that it was asked to wait, and does not wait."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += timeout or 0.0
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._passed = _Selector()
        super().__init__(self._passed)

    def time(self) -> float:
        return self._passed.now


def run_at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, without the waiting."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(coroutine)
