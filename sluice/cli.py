"""The `sluice` command: a lazy group, so that `sluice receive` never waits for torch to load."""

import importlib
import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

Command = tuple[str, str]

SECTIONS: dict[str, dict[str, Command]] = {
    "Begin": {
        "demo": ("sluice.demo.commands:demo", "Run the whole way, from a modality to a training run, and count."),
        "simulate": ("sluice.simulate:simulate", "Act as modalities that push studies of invented patients."),
        "trace": ("sluice.trace:trace", "Follow any id from association to model, both ways."),
    },
    "Hospital side": {
        "receive": ("processors.dicom.commands:receive", "Receive DICOM by C-STORE into a landing."),
        "pull": ("processors.pull.commands:pull", "Fetch studies from a PACS into the receiver."),
        "peers": ("processors.dicom.peer_commands:peers", "List the peers of a site, and check them both ways."),
        "doctor": ("processors.ledger.doctor_commands:doctor", "Say why associations failed, and what to change."),
        "conformance": ("sluice.conformance.commands:conformance", "Print the DICOM conformance statement (PS3.2)."),
        "commitment": (
            "processors.dicom.commitment.commands:commitment",
            "See what modalities asked us to keep, and what they were answered.",
        ),
        "expect": ("processors.pull.commands:expect", "Ask a PACS how many instances studies have, as evidence."),
        "ledger": ("processors.ledger.commands:ledger", "Account for every instance that was acknowledged."),
        "landing": (
            "processors.delivery.landing_commands:landing",
            "See what lies in the landing and waits for whom; decide about it.",
        ),
        "deid": ("processors.deid.commands:deid", "De-identify files, or explain what would happen to one."),
        "consent": ("processors.consent.commands:consent", "Ask about consent; let go on what was allowed meanwhile."),
        "quarantine": (
            "processors.quarantine.commands:quarantine",
            "Look at what de-identification withheld; two people decide.",
        ),
        "trusted": (
            "processors.quarantine.account_commands:trusted",
            "Tell people of the trusted zone apart.",
        ),
        "inventory": (
            "processors.inventory.commands:inventory",
            "See every text that left for a project, and how many patients are alike.",
        ),
        "withdraw": ("sluice.withdraw:withdraw", "End all use of a patient's images; certify what came of them."),
        "labels": (
            "processors.labels.commands:labels",
            "Bring label rows of a spreadsheet to the handoff, under pseudonyms.",
        ),
        "results": ("processors.results.commands:results", "List what came back; release or discard what is held."),
    },
    "Runs on images (what ML engineers use)": {
        "projects": ("handoff.cli.projects:projects", "See whom data is for, and how much of it there is."),
        "studies": ("handoff.cli.studies:studies", "See which studies are complete, and what the others wait for."),
        "batches": ("handoff.cli.batches:batches", "Form immutable data sets of complete studies."),
        "pipelines": ("handoff.cli.pipelines:pipelines", "Begin, check and register pipelines."),
        "targets": ("handoff.cli.targets:targets", "See where runs happen, and whether they could now."),
        "handoffs": ("handoff.cli.handoffs:handoffs", "Decide that something runs, and follow it to its end."),
        "rules": ("handoff.cli.rules:rules", "See what projects decide by themselves, and why a rule does not fire."),
        "models": ("handoff.cli.models:models", "See the models that training runs made, and promote them."),
        "serve-model": (
            "ml.serving.commands:serve_model",
            "Serve one model to infer handoffs, by KServe's ModelServer.",
        ),
    },
    "Install and operate": {
        "withdrawals": (
            "handoff.cli.withdrawals:withdrawals",
            "Withdraw shipments for ever; see what became of copies.",
        ),
        "tokens": ("handoff.cli.tokens:tokens", "Make, list, rotate and revoke tokens of the handoff."),
        "audit": ("sluice.audit:audit", "See who changed what; verify the record of what was treated and decided."),
        "nifi": ("nifi.commands:nifi", "Install, start, stop and look at the embedded Apache NiFi."),
        "flows": ("nifi.releases.commands:flows", "Lint, publish, deploy, compare and save the flows of a release."),
        "handoff": ("handoff.commands:handoff", "Serve the handoff, work for it, back it up and restore it."),
        "vault": ("processors.vault.commands:vault", "List subjects; back up and restore who is who."),
        "keys": ("processors.deid.commands:keys", "Make and seal the key of pseudonyms; begin a project anew."),
        "secrets": ("sluice.site_secrets:secrets_group", "Make the secrets of a new installation."),
        "certificates": (
            "sluice.handoff_certificates:certificates",
            "Make an authority and certificates for TLS between both sides.",
        ),
        "completion": ("sluice.completion:completion", "Let your shell complete commands, options and states."),
    },
}
"""Section: command name: (module:attribute, one line of help)."""

COMMANDS: dict[str, Command] = {name: command for section in SECTIONS.values() for name, command in section.items()}

ALIASES = {"batch": "batches"}
"""Other names of commands, which no help lists."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of `SECTIONS`, which is the order of a first acquaintance."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None when there is no such command."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in COMMANDS:
            return None
        module_name, attribute = COMMANDS[name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module_name), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name from `COMMANDS` alone, without importing one."""
        named = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return named + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from `COMMANDS` alone, without importing them."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dicom-sluice", prog_name="sluice")
def sluice() -> None:
    """DICOM in, de-identified batches and traceable runs out.

    Start with `sluice demo`, or, if a handoff runs already, with `sluice projects list`. Every command explains itself
    with --help.
    """


def _remedy_of_damage(error: Exception) -> str | None:
    """What to do about a database of the trusted zone whose file is damaged: it is met wherever it is read."""
    from processors.ledger.curable import is_damage

    if not is_damage(error):
        return None
    return (
        "A database of the trusted zone is damaged. The ledger: stop the receiver, then `sluice ledger rebuild` makes a"
        " new one from the landing, and keeps the old one. The vault: restore its backup, `sluice vault restore`."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and turn an error with a remedy into one line and an exit code."""
    try:
        code = sluice.main(args=arguments, prog_name="sluice", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        # The outermost loop: errors that name a remedy are for people, the rest are bugs and keep their traceback.
        remedy = getattr(error, "remedy", None) or _remedy_of_damage(error)
        if remedy is None:
            raise
        click.echo(f"sluice: {error} {remedy}", err=True)
        sys.exit(getattr(error, "exit_code", 1))
    if isinstance(code, int) and code:
        # Outside its standalone mode click returns the code of `Exit` instead of exiting.
        sys.exit(code)
