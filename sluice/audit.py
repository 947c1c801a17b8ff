"""`sluice audit`: who changed what at the handoff; the trusted zone's own record of what was treated and decided."""

import importlib
from typing import Final

import click

_COMMANDS: Final = {
    "list": "handoff.cli.audit:audit",
    "verify": "processors.audit.commands:verify",
    "show": "processors.audit.commands:show",
    "key": "processors.audit.commands:key",
}
_SAID: Final = {
    "list": "Who changed what at the handoff, and who was refused; what `sluice audit` alone does.",
    "verify": "Find what was changed, lost or cut off in the record of what was treated.",
    "show": "Print what became of each instance, and who decided what.",
    "key": "Print the public keys by which anybody can verify the record.",
}


class _Audit(click.Group):
    """Without the name of a command it is `list`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_SAID.items()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in _COMMANDS and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Audit)
def audit() -> None:
    """See who changed what at the handoff, and verify the trusted zone's record of what was treated and decided.

    `list` asks the handoff. The others read the files below trusted/audit: docs/audit.md says what they promise.
    """
