"""Where in a YAML file a key stands, so that a fault can be named by its line."""

from collections.abc import Hashable, Iterator, Sequence

import yaml


class Lines:
    """The lines of one YAML text, by the path of keys that leads to a value."""

    def __init__(self, text: str) -> None:
        """Read the text once more, for its lines alone.

        Raises:
            yaml.YAMLError: the text is no YAML.
        """
        self._root = yaml.compose(text, Loader=yaml.SafeLoader)

    def of(self, path: Sequence[Hashable]) -> int:
        """The line of a path such as `("peers", "ct1", "port")`, from 1; of the nearest parent that is there."""
        line, node = 1, self._root
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line

    def repeated(self) -> Iterator[tuple[str, int]]:
        """Each key that stands twice in one mapping, with the line of the second; YAML takes the last in silence."""
        if self._root is not None:
            yield from _repeated(self._root)


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
