"""`sluice receive` that is killed (SIGKILL) by itself at a certain moment of a certain object.

Use: python -m tests.faults.receive.dies_at MOMENT NUMBER OPTIONS...
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from processors.dicom.storage_scp import StoreReception
from sluice.cli import main


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


class _Countdown:
    """Dies at the NUMBER-th time that something happens."""

    def __init__(self, number: int) -> None:
        self._left = number

    def happened(self) -> None:
        self._left -= 1
        if not self._left:
            _die()


def _path_of(what: Any) -> str:
    return str(Path(f"/proc/self/fd/{what}").readlink()) if isinstance(what, int) else os.fsdecode(what)


def _at(names: str, applies: Callable[..., bool], *, before: bool) -> Callable[[_Countdown], None]:
    """Before or after a call of `os`, by one of its names, whose arguments `applies` accepts."""

    def install(countdown: _Countdown) -> None:
        for name in names.split():
            replace(countdown, name)

    def replace(countdown: _Countdown, name: str) -> None:
        real = getattr(os, name)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            counts = applies(*args)
            if counts and before:
                countdown.happened()
            done = real(*args, **kwargs)
            if counts and not before:
                countdown.happened()
            return done

        setattr(os, name, wrapped)

    return install


def _before_response(countdown: _Countdown) -> None:
    finish = StoreReception.finish

    def finished(self: StoreReception) -> int:
        answer = finish(self)
        countdown.happened()
        return answer

    StoreReception.finish = finished  # type: ignore[method-assign]


def _ends(*suffixes: str) -> Callable[..., bool]:
    return lambda what, *_: _path_of(what).endswith(suffixes)


def _is_written(what: Any, flags: int, *_: Any) -> bool:
    """Slots are opened twice: when they are made, and when an object comes."""
    return _path_of(what).endswith(".part") and not flags & os.O_CREAT


def _object_is_named(_old: Any, new: Any) -> bool:
    return _path_of(new).endswith(".dcm")


def _sealed(_old: Any, new: Any) -> bool:
    return _path_of(new).endswith("delivery.json")


def _evidence(_old: Any, new: Any) -> bool:
    return "/evidence/" in _path_of(new) and _path_of(new).endswith(".json")


MOMENTS: Final[dict[str, Callable[[_Countdown], None]]] = {
    "before-part": _at("open", _is_written, before=True),
    "in-part": _at("writev", _ends(".part"), before=False),
    "before-link": _at("link", _object_is_named, before=True),
    "after-link": _at("link", _object_is_named, before=False),
    "before-sync-of-object": _at("fsync fdatasync", _ends(".part", ".dcm"), before=True),
    "after-sync-of-object": _at("fsync fdatasync", _ends(".part", ".dcm"), before=False),
    "in-a-line": _at("writev pwrite", _ends("journal.jsonl"), before=False),
    "before-response": _before_response,
    "before-seal": _at("rename", _sealed, before=True),
    "after-seal": _at("rename", _sealed, before=False),
    "before-a-slot-goes": _at("unlink", _ends(".part"), before=True),
    "after-a-slot-went": _at("unlink", _ends(".part"), before=False),
    "after-evidence": _at("rename", _evidence, before=False),
}

if __name__ == "__main__":
    MOMENTS[sys.argv[1]](_Countdown(int(sys.argv[2])))
    main(sys.argv[3:])
