"""`sluice conformance`."""

import click


@click.command()
def conformance() -> None:
    """Print the DICOM conformance statement (PS3.2) of this version, as Markdown.

    It says which services, SOP classes, transfer syntaxes, limits and statuses a device meets here: give it to whoever
    connects one. `sluice conformance > conformance.md` makes a file of it; `sluice peers check` tries a peer.
    """
    from sluice.conformance.statement import statement

    click.echo(statement(), nl=False)
