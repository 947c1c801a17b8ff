"""Who sent is durable with the evidence, or in the journal beside it."""

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from processors.landing.recover import recover
from processors.ledger.schema import connect
from tests.unit.receive.landing_desk import Desk


@pytest.mark.parametrize("has_journal", [False, True])
def test_who_sent_is_known_when_ledger_and_deliveries_are_gone(desk: Desk, tmp_path: Path, has_journal: bool) -> None:
    one = desk.associate()
    desk.store(one)
    if has_journal:
        one.refuse(0xC000, "unreadable:truncated")
    one.end("released")
    assert desk.layout.kept_journal_of(one.facts.id).exists() == has_journal
    shutil.rmtree(desk.layout.deliveries)
    desk.layout.deliveries.mkdir()
    (desk.layout.evidence / f"{'f' * 32}.json").write_text('{"a": "message to a project"}')
    (desk.layout.evidence / f".{'e' * 32}.json.new").write_text("half of what")
    with closing(connect(tmp_path / "anew.db")) as anew:
        assert recover(desk.layout, anew).ended == 1
        [row] = anew.execute("SELECT id, opened_at, calling_ae, called_ae, peer, ending FROM associations")
    facts = one.facts
    assert tuple(row) == (facts.id, facts.opened_at, facts.calling_ae, facts.called_ae, facts.peer, "released")
    assert desk.layout.incoming.is_dir()
