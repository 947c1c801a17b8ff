"""`sluice consent`."""

import getpass
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.consent.ask import Consents
    from processors.delivery.workplace import Workplace


@click.group()
def consent() -> None:
    """Ask about consent as the site does, and let go on what was allowed meanwhile.

    Who knows about consent stands in sluice.yaml: a list, a command or an endpoint of the hospital. Nothing of a
    patient leaves before each of their images was allowed for its project: when a delivery is routed, and again right
    before its package gets its name. `unknown`, and any failure to ask, hold it for a person.
    """


@consent.command()
@home_option
def check(*, home: Path) -> None:
    """Check the list of consents, naming the first line that cannot be used. Exit 2 if there is one."""
    place = _place(home)
    listed = _consents(place).listed()
    place.close()
    click.echo(json.dumps({"rows": len(listed) if listed is not None else None}))


@consent.command()
@click.argument("project")
@click.option("--issuer", default="", help="Issuer of Patient ID (0010,0021), where the images name one.")
@home_option
def ask(*, project: str, issuer: str, home: Path) -> None:
    """Say whether PROJECT may have images of the patient whose Patient ID stands on standard input.

    It is read there because arguments of a command are no secret: `sluice consent ask lung < id.txt`. Exit 1 if not.
    """
    place = _place(home)
    patient_id = sys.stdin.readline().strip()
    refused = place.not_consented({(patient_id, issuer)}, project)
    place.close()
    click.echo(json.dumps({"project": project, "consent": refused or "allow"}))
    sys.exit(1 if refused else 0)


@consent.command()
@click.option("--by", default=getpass.getuser, show_default="your account", help="Who says so, for the record.")
@home_option
def recheck(*, by: str, home: Path) -> None:
    """Ask again about all that is held for want of consent, and let go on what is allowed now.

    Run it after the list changed, or each hour. What is still not allowed stays held; that is no failure.
    """
    from processors.delivery import held
    from processors.delivery.errors import NotHeldError, StillHeldError
    from processors.landing.errors import DeliveryUnreadableError

    place = _place(home)
    released = stays = 0
    for each in held.waiting(place.ledger):
        if not each.reason.startswith("held:consent-"):
            continue
        try:
            held.release(place, each, by)
            released += 1
        except (StillHeldError, NotHeldError, DeliveryUnreadableError):
            stays += 1
    place.close()
    click.echo(json.dumps({"released": released, "held": stays}))


@consent.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")
@home_option
def review(*, as_json: bool, home: Path) -> None:
    """Ask again about everybody of whom the handoff has something; list who is denied by now. Exit 1 if there is one.

    What left was allowed when it left, and a list that changes takes nothing back by itself. Run this each day; for
    each that is listed, `sluice withdraw --project PROJECT --subject SUBJECT` ends all use of it. Names no patient but
    by the project's subject.
    """
    from processors.withdrawal.denied import denied_since

    place = _place(home)
    _consents(place)
    found = list(denied_since(place))
    place.close()
    for each in found:
        said = f"sluice withdraw --project {each.project} --subject {each.subject}   # {each.shipments} shipments"
        click.echo(json.dumps(asdict(each)) if as_json else said)
    sys.exit(1 if found else 0)


def _place(home: Path) -> "Workplace":
    from processors.delivery.workplace import Workplace
    from processors.site import Site

    return Workplace(Site.load(home / "trusted"))


def _consents(place: "Workplace") -> "Consents":
    from processors.consent.errors import NoConsentError

    if place.consents is None:
        raise NoConsentError("This site asks nobody about consent.")
    return place.consents
