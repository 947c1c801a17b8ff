"""What the demo says while it runs: stages and their seconds, progress in place on a terminal, lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.status import Status

PLAIN_SECONDS = 5.0
"""How often progress is printed where it cannot be redrawn."""


class Narrator:
    """Speaks of one stage after the other and remembers how long each took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}
        self._status: Status | None = None
        self._last: tuple[float, str] = (0.0, "")

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator[None]:
        """Tell that a stage begins, and after it how long it took.

        Args:
            name: key of the stage in `seconds`; a name used twice adds up.
            title: what happens in it, for people.
        """
        self.console.print(f"[bold cyan]>[/] [bold]{title}[/]")
        begin = time.monotonic()
        try:
            if self.console.is_terminal:
                with self.console.status("", spinner="dots") as self._status:
                    yield
            else:
                yield
        finally:
            self._status = None
            took = time.monotonic() - begin
            self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 1)
        self.console.print(f"  [dim]{took:.1f} s[/]")

    def progress(self, text: str) -> None:
        """Show where the stage is; the same text twice is said once."""
        now = time.monotonic()
        said, before = self._last
        if text == before:
            return
        if self._status is not None:
            self._status.update(f"[dim]{text}[/]")
        elif now - said >= PLAIN_SECONDS:
            self.console.print(f"  {text}", highlight=False)
        else:
            return
        self._last = (now, text)

    def say(self, what: RenderableType) -> None:
        """Print something that stays."""
        self.console.print(what)
