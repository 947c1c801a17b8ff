"""Where something is below the handoff's address: ids and names go into a path quoted, and only if they are one step.

A server and whatever stands before it read `a/b` and `..` as other places, quoted or not; so these are no ids.
"""

from urllib.parse import quote


class UnfitNameError(ValueError):
    """What was given as an id or a name is none."""

    remedy = "Give it as `list` shows it: not empty, without a slash, and not a dot or two."
    exit_code = 2

    def __init__(self) -> None:
        super().__init__((self.__doc__ or "").strip())


def at(form: str, *steps: str, below: str | None = None) -> str:
    """The path of a thing.

    Args:
        form: with `{}` for each step that is given.
        steps: ids and names, one step of the path each.
        below: a file's path below that, with slashes.

    Raises:
        UnfitNameError: a step is empty, has a slash, or is `.` or `..`.
    """
    place = form.format(*map(_step, steps))
    return place if below is None else "/".join((place, *map(_step, below.split("/"))))


def _step(given: str) -> str:
    if given in {"", ".", ".."} or "/" in given:
        raise UnfitNameError
    return quote(given, safe="")
