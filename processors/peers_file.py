"""Read the text of a peers file: each entry by itself, so that all faults are found at once and named by their lines.

| an entry has | it is |
|---|---|
| `ae_title`, `host`, `port` | a peer that we call |
| `sends` | a sender that may call us, by its own AE titles or else the peer's |
| both | both |
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from processors.peers import Peer, PeerName
from processors.senders import Receiving, Sender, Sends
from processors.yaml_lines import Lines

MOST_FAULTS: Final = 10
_Path = tuple[Hashable, ...]
_NAME: Final = TypeAdapter(PeerName)


@dataclass(slots=True)
class Parsed:
    """What a text says, and what is wrong with it."""

    peers: dict[str, Peer] = field(default_factory=dict)
    senders: dict[str, Sender] = field(default_factory=dict)
    receiver: Receiving = field(default_factory=Receiving)
    faults: list[str] = field(default_factory=list)
    """In the order of the file, at most `MOST_FAULTS`."""


def parse(text: str) -> Parsed:
    """Read everything that can be read.

    Raises:
        yaml.YAMLError: the text is no YAML.
        AttributeError, TypeError: it is no mapping of names to mappings.
    """
    lines = Lines(text)
    written = lines.written or {}
    found = _Faults(lines)
    for key in sorted(set(written.keys()) - {"peers", "receiver"}, key=str):
        found.add((key,), "there is no such key; it has `peers` and `receiver`")
    for name, line in lines.repeated:
        found.at(line, f"{name} stands twice in one place")
    parsed = Parsed()
    parsed.receiver = found.checked(Receiving, written.get("receiver") or {}, ("receiver",)) or Receiving()
    for key, entry in (written.get("peers") or {}).items():
        _entry(str(key), {**entry}, parsed, found)
    for one, two in combinations(parsed.senders.values(), 2):
        if one.is_confused_with(two):
            shared = ", ".join(sorted(set(one.ae_titles) & set(two.ae_titles)))
            found.add(
                ("peers", two.name, "sends"), f"{shared} may also be {one.name}: give both addresses of their own"
            )
        if set(one.sends.tokens or ()) & set(two.sends.tokens or ()):
            found.add(("peers", two.name, "sends"), f"it has a token of {one.name}: give each a token of its own")
    parsed.faults = found.sentences()
    return parsed


def _entry(name: str, entry: dict[str, Any], parsed: Parsed, found: "_Faults") -> None:
    path = ("peers", name)
    found.checked(_NAME, name, path)
    may_send = "sends" in entry
    sends = entry.pop("sends", None) or {}
    if set(entry) - {"note"} or not may_send:
        peer = found.checked(Peer, {**entry, "name": name}, path)
        if peer is not None:
            parsed.peers[name] = peer
    if may_send:
        checked = found.checked(Sends, sends, (*path, "sends"))
        if checked is None:
            return
        own = entry.get("ae_title")
        titles = checked.ae_titles or ((own.strip(),) if isinstance(own, str) else ())
        if not titles and not checked.tokens:
            found.add((*path, "sends"), "it needs ae_titles or tokens, as the peer has no ae_title")
        parsed.senders[name] = Sender(name=name, ae_titles=titles, sends=checked)


class _Faults:
    """Faults as they are found, each with its line."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._found: list[tuple[int, str]] = []

    def at(self, line: int, sentence: str) -> None:
        self._found.append((line, sentence))

    def add(self, path: _Path, sentence: str) -> None:
        self.at(self._lines.of(path), f"{'.'.join(map(str, path))}: {sentence}")

    def checked(self, kind: "type[BaseModel] | TypeAdapter[Any]", value: object, path: _Path) -> Any:
        """The value as `kind`; None if it is none, which is noted."""
        try:
            return kind.validate_python(value) if isinstance(kind, TypeAdapter) else kind.model_validate(value)
        except ValidationError as error:
            for fault in error.errors():
                where = tuple(step for step in fault["loc"] if not _is_ours(step))
                self.add((*path, *where) if where != ("name",) else path, fault["msg"].removeprefix("Value error, "))
            return None

    def sentences(self) -> list[str]:
        """In the order of the file."""
        found = [f"line {line}, {sentence}" for line, sentence in sorted(dict.fromkeys(self._found))]
        more = len(found) - MOST_FAULTS
        return found if more <= 0 else [*found[:MOST_FAULTS], f"and {more} more"]


def _is_ours(step: object) -> bool:
    """Whether a step of pydantic's path stands for a type of ours, not for a key of the file."""
    return isinstance(step, str) and not step.replace("_", "").isalnum()
