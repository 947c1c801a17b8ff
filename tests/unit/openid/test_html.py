"""Whatever is filled into a page is text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.api.pages.frame import facts, row, table
from handoff.api.pages.html import Html, fill, join
from handoff.api.pages.words import duration, short, size, state

ATTACK = "\"'><script>alert(1)</script>&{attack}"


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_no_text_becomes_a_tag_or_leaves_its_attribute(text):
    html = fill('<a title="{text}">{text}</a>', text=text)
    inside = html.removeprefix('<a title="').removesuffix("</a>")
    assert not set("<'") & set(inside.replace('">', "", 1))
    assert inside.count('"') == 1


def test_what_is_filled_in_is_not_filled_again():
    assert fill("{a}{b}", a="{b}", b="x") == "{b}x"


def test_html_stays_and_text_does_not():
    assert fill("{a}{b}{c}", a=Html("<br>"), b="<br>", c=None) == "<br>&lt;br&gt;"


def test_text_joined_to_html_is_no_longer_html():
    assert fill("{a}", a=Html("<br>") + "<b>") == "&lt;br&gt;&lt;b&gt;"


def test_every_part_of_a_page_escapes():
    parts = join(
        [row(ATTACK), facts({ATTACK: ATTACK}), short(ATTACK), state(ATTACK, ATTACK), table((ATTACK,), [], ATTACK)]
    )
    assert "<script" not in parts


def test_sizes_and_durations_are_as_people_read_them():
    assert [size(n) for n in (0, 999, 1500, 250_000, 2_000_000_000)] == ["0 B", "999 B", "1.5 KB", "250 KB", "2.0 GB"]
    assert [duration(s) for s in (-5, 0, 59, 61, 7300, 200_000)] == ["0 s", "0 s", "59 s", "1 min", "2 h", "2 d"]
