"""What of a study is still to be fetched."""

from processors.pull.plan import MOST_UIDS, Portion, portions
from processors.pull.query import FoundInstance

ALL = 1 << 30


def there(**series: int) -> list[FoundInstance]:
    """Instances of series a, b...: `a=3` is three of them."""
    return [FoundInstance(f"{name}{n}", f"class-{name}", name) for name, count in series.items() for n in range(count)]


def asked(found: list[FoundInstance], have: set[str], most: int = ALL, most_classes: int = ALL) -> list[Portion]:
    return list(portions("1.2", found, have, most=most, most_classes=most_classes))


def test_what_is_missing_whole_is_asked_for_whole() -> None:
    [portion] = asked(there(a=3, b=2), set())
    assert (portion.level, portion.instances) == ("STUDY", 5)
    assert portion.identifier().StudyInstanceUID == "1.2"


def test_a_series_that_is_here_is_not_asked_for() -> None:
    [portion] = asked(there(a=3, b=2), {"a0", "a1", "a2"})
    assert (portion.level, portion.keys["SeriesInstanceUID"], portion.instances) == ("SERIES", "b", 2)


def test_of_a_series_that_is_here_in_part_the_rest_is_named() -> None:
    [portion] = asked(there(a=3), {"a1"})
    assert (portion.level, portion.keys["SOPInstanceUID"]) == ("IMAGE", ["a0", "a2"])


def test_nothing_is_asked_for_when_all_is_here() -> None:
    assert asked(there(a=2), {"a0", "a1"}) == []


def test_a_request_asks_for_no_more_than_the_limit() -> None:
    assert [portion.instances for portion in asked(there(a=7), set(), most=3)] == [3, 3, 1]
    assert [portion.instances for portion in asked(there(a=MOST_UIDS + 5), {"a0"})] == [MOST_UIDS, 4]


def test_a_request_names_no_more_classes_than_an_association_can_carry() -> None:
    found = asked(there(a=2, b=2, c=1), set(), most_classes=2)
    assert sorted(portion.instances for portion in found) == [1, 2, 2]
    assert all(len(portion.sop_classes) <= 2 for portion in found)
