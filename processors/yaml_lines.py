"""What a YAML file says, and where in it a key stands, so that a fault can be named by its line."""

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import yaml


class Lines:
    """The lines of one YAML text, by the path of keys that leads to a value."""

    def __init__(self, text: str) -> None:
        """Read the text, as `yaml.safe_load` does.

        Raises:
            yaml.YAMLError: the text is no YAML.
        """
        loader = _Loader(text)
        try:
            self._root = loader.get_single_node()
            # Before it is made Python, which writes what `<<` merges into the nodes themselves.
            self.repeated: tuple[tuple[str, int], ...] = tuple(_repeated(self._root)) if self._root else ()
            """Each key that stands twice in one mapping, with the line of the second; YAML takes the last."""
            self.written: Any = None if self._root is None else loader.construct_document(self._root)
            """What the text says, in plain Python."""
        finally:
            loader.dispose()

    def of(self, path: Sequence[Hashable]) -> int:
        """The line of a path such as `("peers", "ct1", "port")`, from 1; of the nearest parent that is there."""
        line, node = 1, self._root
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line


class _Loader(yaml.SafeLoader):
    """Leaves a day that no calendar has a text, which whoever reads it can name with its line."""

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """A date or a moment; text if it is none."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return self.construct_yaml_str(node)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def _child(node: yaml.Node | None, step: Hashable) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if str(getattr(key, "value", "")) == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        value = node.value[step]
        return value.start_mark.line + 1, value
    return None


def _repeated(node: yaml.Node) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _repeated(each)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(getattr(key, "value", ""))
            if name in seen:
                yield name, key.start_mark.line + 1
            seen.add(name)
            yield from _repeated(value)
