"""Every line of a sheet is taken whole, or listed with a reason. Of a line in doubt nothing is taken.

1. Its keys name one place that the destination has confirmed (`resolve`).
2. Each of its values is a number, true, false or an allowed code (`values`), and a column has few codes.
3. No value names the patient (`identifying`).
4. No two lines contradict each other; a line that adds nothing to an earlier one is listed as such.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from handoff.contract.labels import LabelValue
from processors.labels.identifying import Identifying
from processors.labels.objects import Objects
from processors.labels.reasons import Reason
from processors.labels.resolve import Resolved, Resolver, Target, UnresolvedError
from processors.labels.sheet import Line, Sheet
from processors.labels.values import ValueRefusedError, read_value
from processors.labels.vocabulary import MOST_CODES, Vocabulary

_MOST_STUDIES: Final = 50
"""Studies of one patient whose facts are looked at for a label of the patient."""
_SHORT: Final = 2
_COMPONENT: Final = 4
"""Characters of a key, and digits of a UID's component, that are found by chance in labels too."""


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """A line that is not imported. Line number and code may be shown anywhere; column names stay in the report."""

    line: int
    reason: Reason
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Judgement:
    """What becomes of a sheet."""

    lines: int = 0
    taken: dict[Target, dict[str, LabelValue]] = field(default_factory=dict)
    imported: int = 0
    """Lines of which all is taken."""
    listed: list[Listed] = field(default_factory=list)

    def by_reason(self) -> dict[str, int]:
        """How many lines are listed for each reason, in the order of the codes."""
        counts = dict.fromkeys(Reason, 0)
        for one in self.listed:
            counts[one.reason] += 1
        return {reason.value: number for reason, number in counts.items() if number}


@dataclass(slots=True)
class _Read:
    """A line whose keys are resolved; `refused` are its values that cannot be taken."""

    line: Line
    resolved: Resolved
    values: dict[str, LabelValue]
    refused: dict[str, Reason]


def judge(
    sheet: Sheet, resolver: Resolver, objects: Objects, vocabulary: Vocabulary, advance: Callable[[int], None]
) -> Judgement:
    """Judge every line; `advance` is told how many have been looked at."""
    judgement = Judgement(lines=len(sheet.lines))
    resolver.prefetch(sheet.lines)
    read = []
    looks = _Looks(objects)
    for number, line in enumerate(sheet.lines, 1):
        found = _read(line, resolver, vocabulary)
        if isinstance(found, Listed):
            judgement.listed.append(found)
        else:
            looks.look(found)
            read.append(found)
        if number % 1000 == 0:
            advance(1000)
    advance(len(sheet.lines) % 1000)
    if vocabulary.codes is None:
        _refuse_crowded(read)
    _take(read, _contradicting(read), judgement)
    judgement.listed.sort()
    return judgement


def _read(line: Line, resolver: Resolver, vocabulary: Vocabulary) -> _Read | Listed:
    """(1) and (2) for one line."""
    if not line.whole:
        return Listed(line.number, Reason.CELL_COUNT)
    if not line.keys:
        return Listed(line.number, Reason.NO_KEY)
    try:
        resolved = resolver.resolve(line.keys)
    except UnresolvedError as error:
        return Listed(line.number, error.reason, tuple(line.keys))
    if not line.values:
        return Listed(line.number, Reason.NO_VALUE)
    values: dict[str, LabelValue] = {}
    refused: dict[str, Reason] = {}
    for name, text in line.values.items():
        try:
            values[name] = read_value(name, text, vocabulary)
        except ValueRefusedError as error:
            refused[name] = error.reason
    return _Read(line, resolved, values, refused)


class _Looks:
    """(3): looks at values with what is known of each study, which is put together once."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._known: dict[str, Identifying] = {}
        self._answers: dict[object, bool] = {}

    def look(self, read: _Read) -> None:
        studies = read.resolved.studies[:_MOST_STUDIES]
        for name, value in read.values.items():
            if self._names(studies, value) or _is_key(str(value).casefold(), read):
                read.refused[name] = Reason.IDENTIFYING_VALUE

    def _names(self, studies: tuple[str, ...], value: LabelValue) -> bool:
        """Whether a value names the patient of some studies; columns repeat their values, so answers are kept."""
        key = studies, type(value), value
        if key not in self._answers:
            self._answers[key] = any(self._of(study).found_in(value) for study in studies)
        return self._answers[key]

    def _of(self, study: str) -> Identifying:
        if study not in self._known:
            self._known[study] = Identifying.of(self._objects.facts(study))
        return self._known[study]


def _is_key(text: str, read: _Read) -> bool:
    """Whether a value repeats a key of its line, or a component of a UID that it means."""
    if len(text) > _SHORT and any(text == key.casefold() for key in read.line.keys.values()):
        return True
    return len(text) > _COMPONENT and any(text in uid.split(".") for uid in read.resolved.place or ())


def _refuse_crowded(read: list[_Read]) -> None:
    """(2): a column with more different codes than findings have is no column of findings."""
    codes: dict[str, set[str]] = defaultdict(set)
    for one in read:
        for name, value in one.values.items():
            if isinstance(value, str):
                codes[name].add(value)
    crowded = {name for name, different in codes.items() if len(different) > MOST_CODES}
    for one in read:
        for name in crowded & one.values.keys():
            if isinstance(one.values[name], str):
                one.refused.setdefault(name, Reason.TOO_MANY_CODES)


def _contradicting(read: list[_Read]) -> set[tuple[Target, str]]:
    """(4): labels of which two lines say different things; what is refused as a value contradicts all the same."""
    said: dict[tuple[Target, str], object] = {}
    found = set()
    for one in read:
        for name, text in one.line.values.items():
            key = one.resolved.target, name
            value = _comparable(one.values.get(name, text))
            if said.setdefault(key, value) != value:
                found.add(key)
    return found


def _comparable(value: LabelValue) -> object:
    """Python takes True for 1; a label does not."""
    return type(value) is bool, value


def _take(read: list[_Read], contradicting: set[tuple[Target, str]], judgement: Judgement) -> None:
    for one in read:
        target = one.resolved.target
        if one.refused:
            for reason, columns in _grouped(one.refused):
                judgement.listed.append(Listed(one.line.number, reason, columns))
                break
            continue
        against = tuple(name for name in one.values if (target, name) in contradicting)
        if against:
            judgement.listed.append(Listed(one.line.number, Reason.CONTRADICTION, against))
            continue
        known = judgement.taken.setdefault(target, {})
        if one.values.keys() <= known.keys():
            judgement.listed.append(Listed(one.line.number, Reason.DUPLICATE_ROW))
            continue
        known.update(one.values)
        judgement.imported += 1


def _grouped(refused: dict[str, Reason]) -> Iterator[tuple[Reason, tuple[str, ...]]]:
    """The reasons of a line, the gravest first, each with its columns."""
    for reason in reversed(Reason):
        columns = tuple(name for name, why in refused.items() if why is reason)
        if columns:
            yield reason, columns
