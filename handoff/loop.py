"""A thread that looks for something to do, again and again, until it is stopped."""

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from handoff.errors import HandoffError

log = structlog.get_logger("handoff.loop")


class Loop(threading.Thread):
    """Calls `look` in every period, and again at once while there was something to do."""

    def __init__(self, name: str, period_seconds: float) -> None:
        super().__init__(name=name, daemon=True)
        self._period = period_seconds
        self._stopped = threading.Event()

    def look(self) -> bool:
        """Do what is to be done now; whether there was anything."""
        raise NotImplementedError

    def run(self) -> None:
        """The loop; a database that is busy or gone for a moment ends it as little as a bug does."""
        while not self._stopped.wait(self._period):
            try:
                while self.look() and not self._stopped.is_set():
                    pass
            except (SQLAlchemyError, HandoffError) as error:
                log.warning("look-failed", loop=self.name, cause=type(error).__name__)
            except Exception:  # the outermost loop: a bug in one thing must not end the care for all
                log.exception("look-failed", loop=self.name)

    def stop(self) -> None:
        """End the loop and wait for its last transaction."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=10)
