"""A list whose newest comes first: no item twice, none left out, and no cursor but ours."""

import pytest
from sqlalchemy import select

from handoff.api.cursor import newest_cursor, older_than
from handoff.api.prefix import starting
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import Handoff
from handoff.errors import RefusedError
from tests.unit.handoff.rows import add_handoff, add_surroundings

ORDER = Handoff.created_at, Handoff.id


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/handoff.db")
    upgrade(database)
    with database.write() as session:
        add_surroundings(session)
        for number in range(7):  # the moments 0.1, 0.1, 0.1, 1.1, 1.1, 1.1, 2.1
            add_handoff(session, id=f"{number:032x}", key=str(number), state="ACCEPTED", created_at=number // 3 + 0.1)
    yield database
    database.close()


def page(session, after, size):
    chosen = select(Handoff).where(*older_than(after, *ORDER))
    return session.scalars(chosen.order_by(*(column.desc() for column in ORDER)).limit(size)).all()


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_show_each_once_newest_first_though_more_come_meanwhile(database, size):
    seen, after = [], None
    with database.write() as session:
        while rows := page(session, after, size):
            seen += [int(row.id, 16) for row in rows]
            after = newest_cursor(rows[-1].created_at, rows[-1].id)
            add_handoff(session, id=f"{90 + len(seen):032x}", key=f"new {after}", state="ACCEPTED", created_at=9.0)
    assert seen == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    "after", ["", "x", "~", "1~", "nan~a", "inf~a", "0x1p9999999~a", "0x1p0~a b", "0x1p0~\x00", "5"]
)
def test_a_cursor_that_is_none_of_ours_is_refused(after):
    with pytest.raises(RefusedError):
        older_than(after, *ORDER)


def test_the_first_letters_find_what_starts_so_and_nothing_else(database):
    with database.read() as session:
        found = session.scalars(select(Handoff.id).where(*starting(f"{5:032x}"[:32], Handoff.id))).all()
        none = session.scalars(select(Handoff.id).where(*starting("ffff", Handoff.id))).all()
    assert (found, none) == ([f"{5:032x}"], [])
