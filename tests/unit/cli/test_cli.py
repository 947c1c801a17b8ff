"""What the command line promises whoever types it."""

import click
import pytest

from processors.ledger.schema import connect
from sluice.cli import COMMANDS, main, sluice


def every_command(command: click.Command, path: tuple[str, ...] = ()):
    """A command, and all those below it, each with its words."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from every_command(below, (*path, name))


def test_every_command_and_every_option_says_what_it_is_for():
    silent = [
        " ".join((*path, *parameter.opts))
        for path, command in every_command(sluice)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden and not parameter.help
    ]
    assert not silent
    assert all(command.help for _, command in every_command(sluice))


def test_help_lists_every_command_without_importing_one(capsys):
    main(["--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in COMMANDS)


def test_an_unknown_command_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["recieve"])
    assert exit_.value.code == 2
    assert "recieve" in capsys.readouterr().err


@pytest.mark.parametrize("title", ["", "   ", "LONGER-THAN-16-CHARS", "BACK\\SLASH", "BÄR"])
def test_an_ae_title_that_dicom_does_not_allow_is_a_usage_error(capsys, tmp_path, title):
    with pytest.raises(SystemExit) as exit_:
        main(["receive", "--port", "0", "--landing", str(tmp_path / "landing"), "--ae-title", title])
    assert exit_.value.code == 2
    assert "AE title" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def one_line(capsys, *arguments):
    """The exit code of a command that fails, and the one line that it said."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr().err
    assert said.startswith("sluice: ")
    assert said.count("\n") == 1
    return exit_.value.code, said


def test_a_home_that_received_nothing_is_told_by_the_option_that_the_command_has(capsys, tmp_path):
    code, said = one_line(capsys, "ledger", "reconcile", "--home", tmp_path)
    assert code == 1
    assert "--home" in said
    assert "--landing" not in said


@pytest.mark.parametrize("command", [["doctor"], ["landing"], ["commitment", "list"]])
def test_a_ledger_that_is_damaged_is_one_line_with_a_remedy(capsys, tmp_path, command):
    ledger = tmp_path / "trusted" / "ledger.db"
    connect(ledger).close()
    content = bytearray(ledger.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\xa5" * 64
    ledger.write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        main([*command, "--home", str(tmp_path)])
    assert ended.value.code == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "is malformed" in line
    assert "sluice ledger rebuild" in line


def test_a_key_file_that_cannot_be_written_is_one_line_with_a_remedy(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, said = one_line(capsys, "keys", "new", tmp_path / "file" / "site.key")
    assert code == 2
    assert "may write" in said


def test_a_report_that_cannot_be_written_is_one_line_with_a_remedy(capsys, tmp_path):
    (tmp_path / "in").mkdir()
    main(["keys", "new", str(tmp_path / "key")])
    capsys.readouterr()
    options = ("--key-file", tmp_path / "key", "--report", tmp_path / "nowhere" / "report.jsonl")
    code, said = one_line(capsys, "deid", "apply", tmp_path / "in", tmp_path / "out", *options)
    assert code == 1
    assert "report" in said


@pytest.mark.parametrize("text", ["name: [a", "name: BAD NAME\nversion: no"])
def test_a_profile_that_cannot_be_used_is_one_line_with_a_remedy(capsys, tmp_path, text):
    (tmp_path / "in").mkdir()
    main(["keys", "new", str(tmp_path / "key")])
    capsys.readouterr()
    profile = tmp_path / "mine.yaml"
    profile.write_text(text)
    options = ("--key-file", tmp_path / "key", "--profile", profile)
    code, said = one_line(capsys, "deid", "apply", tmp_path / "in", tmp_path / "out", *options)
    assert code == 2
    assert "sluice deid profiles" in said
