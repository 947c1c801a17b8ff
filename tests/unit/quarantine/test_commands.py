"""The same at a command line."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from processors.audit.reading import records
from processors.quarantine.commands import quarantine
from processors.quarantine.items import waiting
from tests.unit.quarantine.conftest import Quarantined


def run(home: Quarantined, *arguments: str, by: str = "") -> Result:
    environment = {"SLUICE_TRUSTED_TOKEN": home.tokens.get(by, by)}
    return CliRunner().invoke(quarantine, [*arguments, "--home", str(home.root.parent)], env=environment)


def test_list_show_release_and_approve(home: Quarantined, tmp_path: Path) -> None:
    home.fill()
    [listed] = [json.loads(line) for line in run(home, "list", "--json").output.splitlines()]
    item = listed["id"]
    assert "HOSP-4711" not in run(home, "show", item).output

    asked = run(home, "release", item, "--profile", "release-strict", "--why", "strict", by="ann")
    assert asked.exit_code == 0
    shown = json.loads(run(home, "show", item, "--json").output)["asked"]
    assert (shown["by"], shown["profile"]) == ("ann", "release-strict")

    assert run(home, "approve", item, "--digest", shown["digest"], by="ann").exit_code != 0
    assert run(home, "approve", item, "--digest", shown["digest"], by="bob").exit_code == 0
    assert waiting(home.place.ledger) == []


def test_without_a_token_nothing_is_decided_or_seen(home: Quarantined, tmp_path: Path) -> None:
    home.fill()
    picture = tmp_path / "picture.png"

    for arguments in (
        ["release", home.item.id, "--why", "x"],
        ["approve", home.item.id, "--digest", "x"],
        ["reject", home.item.id, "--why", "x"],
        ["show", home.item.id, "--picture", str(picture)],
    ):
        assert run(home, *arguments, by="nobody's").exit_code != 0

    assert not picture.exists()
    assert list(records(home.place.site.audit, "lung", kind="decision")) == []
    assert len(waiting(home.place.ledger)) == 1


def test_a_picture_is_written_for_its_owner_alone_and_who_looked_is_recorded(home: Quarantined, tmp_path: Path) -> None:
    home.fill()
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"")
    picture.chmod(0o644)

    assert run(home, "show", home.item.id, "--picture", str(picture), by="ann").exit_code == 0

    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_mode & 0o077 == 0
    assert [each["by"] for each in records(home.place.site.audit, "lung", kind="look")] == ["ann"]
