"""What differs between two profiles, key by key."""

from collections.abc import Iterator
from typing import Any

from processors.deid.profile import Profile


def differences(old: Profile, new: Profile) -> list[str]:
    """One line for each difference: `key: old -> new`, or `key: + word` and `key: - word` in lists.

    The name, version and words about a profile are not compared.
    """
    apart = {"name", "version", "about"}
    return list(_between("", old.model_dump(mode="json", exclude=apart), new.model_dump(mode="json", exclude=apart)))


def _between(path: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _between(f"{path}.{key}" if path else key, old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from (f"{path}: - {each}" for each in old if each not in new)
        yield from (f"{path}: + {each}" for each in new if each not in old)
    elif old != new:
        yield f"{path}: {_said(old)} -> {_said(new)}"


def _said(value: Any) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
