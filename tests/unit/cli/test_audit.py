"""`sluice audit` alone asks the handoff, as it always did; its other words read the trusted zone's own record."""

import pytest
from click.testing import CliRunner

from sluice.audit import audit


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [
        (["--who", "ann"], "audit list"),
        (["list"], "audit list"),
        (["verify"], "audit verify"),
        (["show"], "audit show"),
        (["key"], "audit key"),
        ([], "audit [OPTIONS] COMMAND"),
    ],
)
def test_without_the_name_of_a_command_it_is_list(arguments: list[str], usage: str) -> None:
    said = CliRunner().invoke(audit, [*arguments, "--help"], prog_name="audit")

    assert said.exit_code == 0
    assert said.output.startswith(f"Usage: {usage}")
