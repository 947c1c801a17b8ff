"""How a service ends: what is on its way may still arrive for a while, and what is being kept is kept to its end."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Drain:
    """Begun by a signal. Uploads have until the end of the patience, and then are refused; nothing is half kept."""

    def __init__(self, patience_seconds: float) -> None:
        self.patience_seconds = patience_seconds
        self._ends_at: float | None = None
        self._idle = threading.Condition()
        self._working = 0

    def begin(self) -> None:
        """It is time to end; a second word changes nothing."""
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self.patience_seconds

    @property
    def begun(self) -> bool:
        """Whether the service was told to end."""
        return self._ends_at is not None

    @property
    def over(self) -> bool:
        """Whether what has not arrived by now is refused."""
        return self._ends_at is not None and time.monotonic() >= self._ends_at

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Around what must come to its end before the database is closed."""
        with self._idle:
            self._working += 1
        try:
            yield
        finally:
            with self._idle:
                self._working -= 1
                self._idle.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is being kept; False when it took longer."""
        with self._idle:
            return self._idle.wait_for(lambda: self._working == 0, timeout=seconds)
