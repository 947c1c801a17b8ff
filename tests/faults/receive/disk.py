"""A disk that remembers what it was asked, can fail at any of it, and can be looked at as a power cut would leave it.

`TracedDisk` stands between `os` and the kernel for one folder. Its log is replayed by `after_power_cut`: a content
counts only once its file was synced, a name only once its folder was. What was not synced may be there or not, in any
combination: `Survives` says which. A rename is one thing: a file is at its old name, at its new one, or (as only one of
the folders was synced) at both, but never nowhere. A sync that failed leaves what it was for lost for ever, as Linux
does (a later one that succeeds does not bring it back), or has written it all the same.
"""

import fcntl
import os
import random
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest


@dataclass(frozen=True)
class Step:
    """One thing that the kernel was asked; `node` is a file or folder by a number of ours."""

    kind: str
    node: int
    changes: tuple[tuple[int, str, int | None], ...] = ()
    """Of names: folder, name, what it now names (None: nothing)."""
    offset: int = 0
    content: bytes = b""
    note: object = None


class TracedDisk:
    """Sees all that is done below `root` by this process, except what SQLite does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.root = root
        self.steps: list[Step] = []
        self.fail: Callable[[int, Step], OSError | None] = lambda _number, _step: None
        """Asked before each step, with its number: an error to raise instead."""
        self.short_writes = False
        """Whether the kernel takes only the first half of what is written at a time."""
        self.asked = 0
        self.watch: Callable[[], None] = lambda: None
        """Called before each step."""
        self._lock = threading.RLock()
        self._nodes: dict[int, int] = {}
        self._next = 0
        self._real = {name: getattr(os, name) for name in _WATCHED}
        self.root_node = self._adopt(root)
        for path in sorted(root.rglob("*")):
            parent = self._nodes[path.parent.stat().st_ino]
            if path.is_dir():
                self.steps.append(Step("mkdir", parent, ((parent, path.name, self._adopt(path)),)))
            elif path.is_file():
                node = self._nodes.get(path.stat().st_ino)  # it may have two names
                node = self._adopt(path) if node is None else node
                self.steps.append(Step("names", node, ((parent, path.name, node),)))
                self.steps += [Step("write", node, content=path.read_bytes()), Step("sync", node)]
            self.steps.append(Step("sync", parent))
        for name in _WATCHED:
            monkeypatch.setattr(os, name, getattr(self, f"_{name}"))

    def note(self, fact: object) -> None:
        """Put a fact into the log."""
        with self._lock:
            self.watch()
            self.steps.append(Step("note", -1, note=fact))

    def _adopt(self, path: Path) -> int:
        return self._new(path.stat().st_ino)

    def _new(self, inode: int) -> int:
        self._nodes[inode] = self._next
        self._next += 1
        return self._next - 1

    def _do(self, step: Step, act: Callable[[], Any]) -> Any:
        """Let a step fail or happen, and note it."""
        self.watch()
        number, self.asked = self.asked, self.asked + 1
        error = self.fail(number, step)
        if error is not None:
            if step.kind == "sync":
                self.steps.append(Step("sync-failed", step.node))
            raise error
        done = act()
        self.steps.append(step)
        return done

    def _place(self, path: Any, dir_fd: int | None = None) -> tuple[int, str] | None:
        """Folder and name of a path below the root; None if it is elsewhere."""
        whole = Path(os.fsdecode(path))
        if dir_fd is not None:
            whole = Path(f"/proc/self/fd/{dir_fd}").readlink() / whole
        if self.root not in whole.parents:
            return None
        return self._nodes[whole.parent.stat().st_ino], whole.name

    def _file(self, descriptor: int) -> int | None:
        """The file behind a descriptor; None if it is none of ours."""
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            return None
        if self.root not in (path := Path(f"/proc/self/fd/{descriptor}").readlink()).parents and path != self.root:
            return None
        return self._nodes[about.st_ino]

    def _open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        with self._lock:
            place = self._place(path, dir_fd) if flags & os.O_CREAT else None
            real = lambda: self._real["open"](path, flags, mode, dir_fd=dir_fd)  # noqa: E731
            if place is None or Path(path).exists():
                descriptor: int = real()
                if place is not None and flags & os.O_TRUNC:
                    self.steps.append(Step("truncate", self._nodes[os.fstat(descriptor).st_ino]))
                return descriptor
            node = self._next
            descriptor = self._do(Step("names", node, ((*place, node),)), real)
            self._new(os.fstat(descriptor).st_ino)
            return descriptor

    def _write(self, descriptor: int, content: Any) -> int:
        return self._written(descriptor, bytes(content), lambda: self._real["write"](descriptor, content))

    def _writev(self, descriptor: int, pieces: Any) -> int:
        content = b"".join(map(bytes, pieces))
        if self.short_writes and len(content) > 1:
            content = content[: len(content) // 2]
            return self._written(descriptor, content, lambda: self._real["write"](descriptor, content))
        return self._written(descriptor, content, lambda: self._real["writev"](descriptor, pieces))

    def _pwrite(self, descriptor: int, content: Any, offset: int) -> int:
        content = bytes(content)
        if self.short_writes and len(content) > 1:
            content = content[: len(content) // 2]
        return self._written(descriptor, content, lambda: self._real["pwrite"](descriptor, content, offset), offset)

    def _written(self, descriptor: int, content: bytes, act: Callable[[], int], offset: int | None = None) -> int:
        with self._lock:
            node = self._file(descriptor)
            if node is None:
                return act()
            if offset is None:
                appends = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
                offset = os.fstat(descriptor).st_size if appends else os.lseek(descriptor, 0, os.SEEK_CUR)
            done: int = self._do(Step("write", node, offset=offset, content=content), act)
            assert done == len(content)
            return done

    def _fsync(self, descriptor: int) -> None:
        with self._lock:
            node = self._file(descriptor)
            real = lambda: self._real["fsync"](descriptor)  # noqa: E731
            real() if node is None else self._do(Step("sync", node), real)

    def _fdatasync(self, descriptor: int) -> None:
        self._fsync(descriptor)

    def _truncate(self, path: Any, length: int) -> None:
        descriptor = self._real["open"](path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            self._ftruncate(descriptor, length)
        finally:
            os.close(descriptor)

    def _ftruncate(self, descriptor: int, length: int) -> None:
        with self._lock:
            node = self._file(descriptor)
            real = lambda: self._real["ftruncate"](descriptor, length)  # noqa: E731
            real() if node is None else self._do(Step("truncate", node, offset=length), real)

    def _rename(self, old: Any, new: Any) -> None:
        with self._lock:
            before, after = self._place(old), self._place(new)
            real = lambda: self._real["rename"](old, new)  # noqa: E731
            if before is None or after is None:
                real()
                return
            node = self._nodes[Path(old).stat().st_ino]
            self._do(Step("names", node, ((*after, node), (*before, None))), real)

    def _link(self, old: Any, new: Any) -> None:
        with self._lock:
            before, after = self._place(old), self._place(new)
            real = lambda: self._real["link"](old, new)  # noqa: E731
            if before is None or after is None:
                real()
                return
            node = self._nodes[Path(old).stat().st_ino]
            self._do(Step("names", node, ((*after, node),)), real)

    def _mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        with self._lock:
            place = self._place(path, dir_fd)
            real = lambda: self._real["mkdir"](path, mode, dir_fd=dir_fd)  # noqa: E731
            if place is None or Path(path).exists():
                real()
                return
            self._do(Step("mkdir", self._next, ((*place, self._next),)), real)
            self._adopt(Path(path))

    def _unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._removed("unlink", path, dir_fd)

    def _rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._removed("rmdir", path, dir_fd)

    def _removed(self, name: str, path: Any, dir_fd: int | None) -> None:
        with self._lock:
            place = self._place(path, dir_fd)
            real = lambda: self._real[name](path, dir_fd=dir_fd)  # noqa: E731
            real() if place is None else self._do(Step("names", -1, ((*place, None),)), real)


_WATCHED: Final = (
    "open",
    "write",
    "writev",
    "pwrite",
    "fsync",
    "fdatasync",
    "ftruncate",
    "truncate",
    "rename",
    "link",
    "mkdir",
    "unlink",
    "rmdir",
)


class Survives:
    """What of the unsynced a power cut leaves: every step by chance, or all or none of names, contents and sizes.

    With `failed` what a sync failed for has reached the disk nevertheless.
    """

    def __init__(
        self,
        *,
        names: bool = False,
        contents: bool = False,
        zeros: bool = False,
        failed: bool = False,
        seed: int = 0,
    ) -> None:
        self._names, self._contents, self._zeros, self.failed = names, contents, zeros, failed
        self._chance = random.Random(seed) if seed else None

    def name(self) -> bool:
        return self._chance.random() < 0.5 if self._chance else self._names

    def content(self, written: bytes) -> bytes | None:
        """What is left of bytes that were written; None if not even their room is."""
        if self._chance:
            left = self._chance.choice([None, b"", bytes(len(written)), written])
            return written[: self._chance.randrange(len(written) + 1)] if left == b"" else left
        return bytes(len(written)) if self._zeros else written if self._contents else None


CUTS: Final[dict[str, Callable[[], Survives]]] = {
    "only what was synced": Survives,
    "everything": lambda: Survives(names=True, contents=True),
    "all names, no contents": lambda: Survives(names=True),
    "all names, zeros for contents": lambda: Survives(names=True, zeros=True),
    "all contents, no names": lambda: Survives(contents=True),
    **{f"by chance {seed}": lambda seed=seed: Survives(seed=seed) for seed in (1, 2, 3)},
}


@dataclass
class _Node:
    content: bytearray = field(default_factory=bytearray)
    names: dict[str, int] = field(default_factory=dict)
    unsynced: list[Step] = field(default_factory=list)
    is_folder: bool = False

    def apply(self, own: int, step: Step, left: bytes) -> None:
        if step.kind == "write":
            self.content.extend(bytes(max(0, step.offset - len(self.content))))
            self.content[step.offset : step.offset + len(left)] = left
        elif step.kind == "truncate":
            del self.content[step.offset :]
        for folder, name, node in step.changes:
            if folder == own and node is None:
                self.names.pop(name, None)
            elif folder == own and node is not None:
                self.names[name] = node


def after_power_cut(steps: list[Step], root_node: int, survives: Survives, target: Path) -> None:
    """Write to `target` what is left of the folder when the power goes after these steps."""
    nodes: dict[int, _Node] = {root_node: _Node(is_folder=True)}
    for step in steps:
        if step.kind in {"sync", "sync-failed"}:
            node = nodes[step.node]
            for pending in node.unsynced if step.kind == "sync" or survives.failed else ():
                node.apply(step.node, pending, pending.content)
            node.unsynced.clear()
        elif step.kind in {"write", "truncate"}:
            nodes[step.node].unsynced.append(step)
        for folder in {folder for folder, _, _ in step.changes}:
            nodes[folder].unsynced.append(step)
        for _, _, node_number in step.changes:
            if node_number is not None:
                nodes.setdefault(node_number, _Node(is_folder=step.kind == "mkdir"))
    renamed: dict[int, bool] = {}
    for number, node in nodes.items():
        for pending in node.unsynced:
            left = survives.content(pending.content) if pending.kind == "write" else b""
            is_there = pending.kind == "write" or renamed.setdefault(id(pending), survives.name())
            if left is not None and is_there:
                node.apply(number, pending, left)
    _write_out(nodes, root_node, target)


def _write_out(nodes: dict[int, _Node], number: int, target: Path) -> None:
    node = nodes[number]
    if node.is_folder:
        target.mkdir(parents=True)
        for name, inner in node.names.items():
            _write_out(nodes, inner, target / name)
    else:
        target.write_bytes(node.content)
