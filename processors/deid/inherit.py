"""Profile files that extend others: what a child says holds, what it does not say is its parent's."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from processors.deid.errors import ProfileError

EXTENDS = "extends"
_EDITS = {"add", "drop"}
_PARENTS = 8


def shipped() -> tuple[str, ...]:
    """The names of the shipped profiles."""
    folder = resources.files("processors.deid.profiles")
    return tuple(sorted(each.name.removesuffix(".yaml") for each in folder.iterdir() if each.name.endswith(".yaml")))


def written(name: str | Path) -> Any:
    """What a profile says, its parents' words included: of a shipped one by name, or of a YAML file by path.

    A child gives each key anew; a mapping key by key; a list anew, or as `add` and `drop` of the parent's. Parents are
    shipped profiles, or files beside the child.

    Raises:
        ProfileError: a file is missing or no YAML, extends itself or too many others, or edits what is no list.
    """
    return _written(name, Path(), ())


def _written(name: str | Path, folder: Path, children: tuple[str, ...]) -> Any:
    found, beside = _read(name, folder)
    if not isinstance(found, dict) or EXTENDS not in found:
        return found
    parent = str(found.pop(EXTENDS))
    if parent in (*children, str(name)) or len(children) == _PARENTS:
        raise ProfileError(f"The profile {name} extends itself, or too many others.")
    inherited = _written(parent, beside, (*children, str(name)))
    if not isinstance(inherited, dict):
        raise ProfileError(f"The profile {parent} cannot be extended.")
    return {**inherited, **{key: _merged(key, inherited.get(key), value) for key, value in found.items()}}


def _read(name: str | Path, folder: Path) -> tuple[Any, Path]:
    """The plain YAML, and the folder that its parents may lie in."""
    inside = resources.files("processors.deid.profiles").joinpath(f"{name}.yaml")
    try:
        if inside.is_file():
            return yaml.safe_load(inside.read_text("utf-8")), folder
        path = folder / name
        return yaml.safe_load(path.read_text("utf-8")), path.parent
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"There is no profile {name}.") from error
    except yaml.YAMLError as error:
        raise ProfileError(f"The profile {name} is no YAML.") from error


def _merged(key: str, old: Any, new: Any) -> Any:
    """The child's value over the parent's."""
    if isinstance(old, list) and isinstance(new, Mapping):
        return _edited(key, old, new)
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: _merged(f"{key}.{name}", old.get(name), value) for name, value in new.items()}}
    return new


def _edited(key: str, old: list[Any], edits: Mapping[str, Any]) -> list[Any]:
    add, drop = edits.get("add", []), edits.get("drop", [])
    if set(edits) - _EDITS or not isinstance(add, list) or not isinstance(drop, list):
        raise ProfileError(f"{key} is a list: give it anew, or only `add` and `drop`, each a list.")
    if missing := [each for each in drop if each not in old]:
        raise ProfileError(f"{key} drops {missing}, which the parent does not have.")
    return [each for each in old if each not in drop] + [each for each in add if each not in old]
