"""Server-sent events, as the living standard of HTML has them and as far as the handoff sends them."""

from collections.abc import Iterable, Iterator


def messages(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each message's kind and data; comments, which keep a connection open, are passed over."""
    kind, data = "message", ""
    for line in lines:
        name, _, value = line.partition(":")
        if name == "event":
            kind = value.strip()
        elif name == "data":
            data += value.strip()
        elif not line and data:
            yield kind, data
            kind, data = "message", ""
