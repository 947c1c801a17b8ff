"""HTML that cannot be injected into: every value is escaped unless this file made it."""

from collections.abc import Iterable
from html import escape
from string import Formatter


class Html(str):
    """Text that is HTML already. Only `fill` and `join` make it."""

    __slots__ = ()


class _Escaping(Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        assert not format_spec
        return value if isinstance(value, Html) else escape("" if value is None else str(value), quote=True)


_FORMATTER = _Escaping()


def fill(template: str, **values: object) -> Html:
    """A template with values between tags or inside double quotes; text is escaped, `Html` is not."""
    return Html(_FORMATTER.vformat(template, (), values))


def join(parts: Iterable[Html]) -> Html:
    """Parts one after the other."""
    return Html("".join(parts))
