"""Times, sizes, ids and states as a person reads them."""

import time
from datetime import UTC, datetime

from handoff.api.pages.html import NOTHING, Html, fill
from handoff.handoffs.states import AT_ENGINE, State

_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_TONES: dict[str, str] = {
    State.SUCCEEDED: "good",
    State.FAILED: "bad",
    State.LOST: "bad",
    State.REJECTED: "bad",
    State.CANCELED: "still",
    **dict.fromkeys(AT_ENGINE | {State.SUBMITTING}, "busy"),
}


def duration(seconds: float) -> str:
    """In the largest unit that fits, rounded: `3 min`, `2 d`."""
    whole = max(0.0, seconds)
    size, unit = next((step for step in _STEPS if whole >= step[0]), _STEPS[-1])
    return f"{round(whole / size)} {unit}"


def moment(at: float | None) -> Html:
    """How long ago, or until then, with the exact time in UTC behind it."""
    if at is None:
        return Html("–")
    exact = datetime.fromtimestamp(at, UTC)
    away = time.time() - at
    said = f"{duration(away)} ago" if away >= 0 else f"in {duration(-away)}"
    return fill(
        '<time datetime="{iso}" title="{exact} UTC">{said}</time>',
        iso=exact.isoformat(timespec="seconds"),
        exact=exact.strftime("%Y-%m-%d %H:%M:%S"),
        said=said,
    )


def clock(at: float) -> Html:
    """A time in UTC to the second."""
    exact = datetime.fromtimestamp(at, UTC)
    return fill('<time datetime="{iso}">{said}</time>', iso=exact.isoformat(), said=exact.strftime("%Y-%m-%d %H:%M:%S"))


def size(count: int) -> str:
    """Bytes, in the unit that keeps them short."""
    number, units = float(count), ["B", "KB", "MB", "GB", "TB"]
    while number >= 1000 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.0f} {units[0]}" if units[0] == "B" or number >= 100 else f"{number:.1f} {units[0]}"


def short(digest: str | None, length: int = 10) -> Html:
    """The beginning of a long id, with all of it behind."""
    if not digest:
        return Html("–")
    if len(digest) <= length + 4:
        return fill("<code>{id}</code>", id=digest)
    return fill('<code title="{id}">{beginning}…</code>', id=digest, beginning=digest[:length])


def state(name: str, reason: str | None = None) -> Html:
    """A state, coloured by what it means, and said in words for those who see no colour."""
    why = fill(" <small>{reason}</small>", reason=reason) if reason else NOTHING
    return fill('<span class="state {tone}">{name}</span>{why}', tone=_TONES.get(name, "wait"), name=name, why=why)
