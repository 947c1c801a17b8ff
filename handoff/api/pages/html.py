"""HTML that cannot be injected into: a template is of this file's callers, every value is escaped."""

from collections.abc import Iterable
from html import escape
from string import Formatter


class Html(str):
    """Text that is HTML already. Only `fill` and `join` make it."""

    __slots__ = ()


class _Escaping(Formatter):
    """Formats `{name}` and nothing else: no attributes, no indexes, no conversions."""

    def format_field(self, value: object, format_spec: str) -> str:
        assert not format_spec
        return value if isinstance(value, Html) else escape("" if value is None else str(value), quote=True)


_FORMATTER = _Escaping()
NOTHING = Html()


def fill(template: str, **values: object) -> Html:
    """A template with values; text is escaped, `Html` is not, None is nothing.

    Values stand between tags or inside double quotes, nowhere else.
    """
    return Html(_FORMATTER.vformat(template, (), values))


def join(parts: Iterable[Html]) -> Html:
    """Parts one after the other."""
    return Html("".join(parts))
