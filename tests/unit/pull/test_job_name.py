"""A job's name becomes a folder of the trusted home, so it is a plain word."""

import pytest
from click.testing import CliRunner

from processors.pull.commands import pull


@pytest.mark.parametrize("name", ["../elsewhere", "/tmp/elsewhere", "a/b", "..", ".", "", "a" * 65])
def test_a_name_that_leads_elsewhere_is_a_usage_error(name: str):
    said = CliRunner().invoke(pull, ["pacs", "--from", "2026-01-01", "--job", name])
    assert said.exit_code == 2
    assert "letters, digits, dots, hyphens and underscores" in said.output.replace("\n", " ")
