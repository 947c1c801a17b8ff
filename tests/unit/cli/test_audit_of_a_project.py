"""A project that is misspelt has no record: that is said, and nothing is made."""

from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner

from processors.audit.chain import Chain
from processors.audit.commands import show, verify
from processors.audit.errors import NoChainError
from processors.audit.signer import Signer
from processors.deid.keys import KeyFile
from processors.site import Site


@pytest.fixture
def home(tmp_path: Path) -> Path:
    site = Site.load(tmp_path / "trusted")
    site.key_file.parent.mkdir(parents=True)
    KeyFile.create(site.key_file)
    Chain(site.audit, "lung", Signer(KeyFile.load(site.key_file))).append([{"kind": "decision"}], 1.7e9)
    return tmp_path


@pytest.mark.parametrize("command", [verify, show])
def test_a_project_of_which_there_is_no_record_is_an_error_and_no_folder(command: Command, home: Path) -> None:
    before = sorted(home.rglob("*"))

    said = CliRunner().invoke(command, ["--project", "lnug", "--home", str(home)])

    assert isinstance(said.exception, NoChainError)
    assert "lung" in str(said.exception)
    assert sorted(home.rglob("*")) == before


def test_a_project_with_a_record_is_verified(home: Path) -> None:
    said = CliRunner().invoke(verify, ["--project", "lung", "--home", str(home)])

    assert (said.exit_code, said.exception) == (0, None)
    assert said.output.startswith("lung: whole, 1 records")
