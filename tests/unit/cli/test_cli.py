"""What the command line promises whoever types it."""

import pytest

from sluice.cli import COMMANDS, main


def test_help_lists_every_command_without_importing_one(capsys):
    main(["--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)


def test_an_unknown_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["recieve"])
    assert exit_.value.code == 2
    assert "recieve" in capsys.readouterr().err
