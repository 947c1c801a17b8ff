"""`sluice vault`."""

import json
from pathlib import Path

import click

from processors.home_option import home_option


@click.group()
def vault() -> None:
    """List subjects; back up and restore the vault: who is who, the one thing that nothing else can make anew.

    The landing and the handoff have their own copies of what they hold, and the ledger is rebuilt from the landing. A
    vault that is lost leaves pseudonyms that nobody can turn back, and results that find no patient.
    """


@vault.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@home_option
def backup(*, target: Path, home: Path) -> None:
    """Copy the vault to the new file TARGET, beside whoever uses it; prove that the copy is whole.

    Take one a day to another disk: `sluice vault backup /backup/vault-$(date +%F).db`. It is sealed with the site's
    key, which is not in it: keep `keys/site.key` in another place than the copies.
    """
    from processors.site import Site
    from processors.vault.backup import back_up

    site = Site.load(home / "trusted")
    done = back_up(site.vault, target, site.key_file)
    click.echo(json.dumps({"event": "backed-up", "path": str(done.path), "rows": done.rows}))


@vault.command()
@click.argument("backup", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="A vault that is there gets another name first; it is not deleted.")
@home_option
def restore(*, backup: Path, replace: bool, home: Path) -> None:
    """Put a copy of BACKUP in the vault's place, once it is proven whole and to open with the site's key.

    Stop NiFi first. What was identified since the backup is remembered again when its deliveries are treated again: the
    same key gives the same pseudonyms. Run `sluice ledger reconcile` afterwards.
    """
    from processors.site import Site
    from processors.vault.backup import restore as put_back

    site = Site.load(home / "trusted")
    done = put_back(backup, site.vault, site.key_file, replace=replace)
    aside = str(done.set_aside) if done.set_aside else None
    click.echo(json.dumps({"event": "restored", "path": str(done.path), "rows": done.rows, "set_aside": aside}))


@vault.command()
@click.argument("project")
@home_option
def subjects(*, project: str, home: Path) -> None:
    """List what people call the patients of PROJECT (S-0001, in order of arrival), and their pseudonyms; no identity.

    A subject is for talking about a patient at the site, and for `sluice withdraw --subject`. It is in no package. Of a
    project that began a new key epoch a subject has several pseudonyms.
    """
    from processors.deid.keys import KeyFile
    from processors.site import Site
    from processors.vault import Vault

    site = Site.load(home / "trusted")
    with Vault.open(site.vault, KeyFile.load(site.key_file)) as opened:
        for subject, pseudonym in opened.subjects(project):
            click.echo(f"{subject}  {pseudonym}")
