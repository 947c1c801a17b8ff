"""Nothing leaves that nobody allowed: asked when routed, when the package gets its name, and when it is sent again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom.uid import generate_uid

from processors.audit.reading import records
from processors.consent.commands import consent
from processors.delivery import held
from processors.delivery import treat as treating
from processors.delivery.confirm import Answer
from processors.delivery.errors import StillHeldError
from processors.delivery.flowfile import Outcome, Reference
from processors.delivery.route import route
from processors.delivery.treat import treat
from processors.withdrawal.close import close, tombstone
from processors.withdrawal.find import deliveries_of
from tests.unit.delivery.trusted_home import RELEASE, TrustedHome, ct, reference

MakeHome = Callable[..., TrustedHome]
SITE = "consent: {list: consent.csv}\n"


@pytest.fixture
def asked(make_home: MakeHome) -> TrustedHome:
    """A home that asks a list of consents, in which patient HOSP-4711 is allowed."""
    home = make_home(site=SITE)
    say(home, "allow")
    return home


def say(home: TrustedHome, word: str) -> None:
    new = home.root / "new.csv"
    new.write_text(f"patient_id,issuer,project,consent\nHOSP-4711,,lung,{word}\n")
    new.rename(home.root / "consent.csv")


def deliver(home: TrustedHome) -> Outcome:
    home.seal([ct(generate_uid(), generate_uid())])
    return go_on(home)


def go_on(home: TrustedHome) -> Outcome:
    announcer = home.announcer()
    try:
        return route(home.place, reference(announcer.next(0)), RELEASE)
    finally:
        announcer.close()


def routed(home: TrustedHome) -> dict[str, str]:
    home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    try:
        [entry] = home.route(reference(announcer.next(0)))
    finally:
        announcer.close()
    return entry


def reasons(home: TrustedHome) -> list[str]:
    return [each.reason for each in held.waiting(home.place.ledger)]


def packages(home: TrustedHome) -> list[Path]:
    return [path for path in home.place.site.landing.rglob("*") if path.suffix in {".zip", ".part"} and path.is_file()]


def test_what_is_allowed_goes_on(asked: TrustedHome) -> None:
    assert deliver(asked).relationship == "success"


@pytest.mark.parametrize("word", ["deny", "unknown"])
def test_what_is_not_allowed_is_held_when_it_is_routed(asked: TrustedHome, word: str) -> None:
    say(asked, word)
    assert deliver(asked).relationship == "parked"
    assert reasons(asked) == [{"deny": "held:consent-denied", "unknown": "held:consent-unknown"}[word]]


def test_a_list_that_cannot_be_read_holds(asked: TrustedHome) -> None:
    (asked.root / "consent.csv").unlink()
    assert deliver(asked).relationship == "parked"
    assert reasons(asked) == ["held:consent-unavailable"]


def test_no_word_of_a_person_overrules_a_denial_and_an_allowance_lets_it_go_on(asked: TrustedHome) -> None:
    say(asked, "deny")
    deliver(asked)
    [waits] = held.waiting(asked.place.ledger)
    with pytest.raises(StillHeldError, match="consent-denied"):
        held.release(asked.place, waits, "ada")
    say(asked, "allow")
    held.release(asked.place, waits, "ada")
    assert reasons(asked) == []
    assert go_on(asked).relationship == "success"


def test_who_is_denied_while_the_package_is_made_gets_none(asked: TrustedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """The word changes after the workers wrote the package and before it gets its name."""
    entry = routed(asked)
    work = treating._work

    def meanwhile(*given: object) -> object:
        made = work(*given)  # type: ignore[arg-type]
        say(asked, "deny")
        return made

    monkeypatch.setattr(treating, "_work", meanwhile)
    outcome = treat(asked.place, Reference.read(entry), asked.pool)
    assert (outcome.relationship, outcome.attributes) == ("quarantine", {"reason": "consent-denied"})
    assert packages(asked) == []
    assert reasons(asked) == ["held:consent-denied"]
    *_, made, told = records(asked.place.site.audit, "lung")
    assert (told["kind"], told["reason"], told["shipment"]) == ("held", "consent-denied", entry["shipment.id"])
    assert told["package"] == made["package"]


@pytest.mark.parametrize("after", ["_work", "_keep"])
def test_what_is_withdrawn_while_it_is_treated_stays_closed(
    asked: TrustedHome, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """Before the last look at consent, and between that look and the ledger."""
    entry = routed(asked)
    step = getattr(treating, after)

    def meanwhile(*given: object) -> object:
        made = step(*given)
        tombstone(asked.place, "HOSP-4711", "", None)
        close(asked.place, deliveries_of(asked.place, "HOSP-4711", "", None), "ada")
        return made

    monkeypatch.setattr(treating, after, meanwhile)
    outcome = treat(asked.place, Reference.read(entry), asked.pool)
    assert (outcome.relationship, outcome.attributes) == ("superseded", {"reason": "closed"})
    assert packages(asked) == []
    assert asked.rows("SELECT state, reason FROM shipments") == [("closed", "withdrawn")]


def test_what_was_held_at_its_package_is_made_anew_when_it_is_allowed(asked: TrustedHome) -> None:
    entry = routed(asked)
    say(asked, "unknown")
    assert treat(asked.place, Reference.read(entry), asked.pool).relationship == "quarantine"
    say(asked, "allow")
    done = CliRunner().invoke(consent, ["recheck", "--by", "ada", "--home", str(linked(asked))])
    assert done.output == '{"released": 1, "held": 0}\n'
    announcer = asked.announcer()
    asked.deliver(reference(announcer.next(0)))
    announcer.close()
    assert asked.rows("SELECT state FROM shipments") == [("confirmed",)]


def test_what_is_allowed_for_one_project_goes_there_while_the_other_waits(make_home: MakeHome) -> None:
    ships = [{"destination": "handoff", "project": name} for name in ("lung", "liver")]
    rules = {"version": 1, "rules": [{"name": "CT", "when": {"modality": "CT"}, "ship": ships}]}
    home = make_home(site=SITE, rules=json.dumps(rules))
    say(home, "unknown")
    assert deliver(home).relationship == "parked"
    say(home, "allow")
    for said in ('{"released": 1, "held": 0}\n', '{"released": 0, "held": 1}\n'):
        assert CliRunner().invoke(consent, ["recheck", "--by", "ada", "--home", str(linked(home))]).output == said
    assert home.rows("SELECT project, state FROM shipments ORDER BY 1") == [("liver", "parked"), ("lung", "routed")]
    entry = json.loads(go_on(home).contents or b"")
    assert [each["kind"] for each in entry] == ["shipment"]


def test_a_package_is_not_sent_once_more_against_a_denial(asked: TrustedHome) -> None:
    entry = routed(asked)
    asked.treat(entry)
    say(asked, "deny")
    assert treat(asked.place, Reference.read(entry), asked.pool).relationship == "quarantine"
    [waits] = held.waiting(asked.place.ledger)
    with pytest.raises(StillHeldError, match="consent-denied"):
        held.release(asked.place, waits, "ada")


def test_what_is_refused_as_withdrawn_while_it_waited_to_be_sent_is_closed(asked: TrustedHome) -> None:
    """The handoff answers 410 to a package of a shipment that was withdrawn before it came."""
    entry = asked.treat(routed(asked))
    asked.confirm(entry, Answer(410, ""))
    assert asked.rows("SELECT state, reason FROM shipments") == [("closed", "withdrawn")]


def test_held_instances_are_told_as_held(asked: TrustedHome) -> None:
    entry = routed(asked)
    asked.end()
    say(asked, "deny")
    treat(asked.place, Reference.read(entry), asked.pool)
    announcer = asked.announcer()
    [message] = asked.route(reference(announcer.next(0)))
    announcer.close()
    assert b'"held":1' in Path(message["package.path"]).read_bytes()


def test_every_patient_of_a_delivery_must_be_allowed(asked: TrustedHome) -> None:
    assert asked.place.not_consented({("HOSP-4711", "")}, "lung") == ""
    assert asked.place.not_consented({("HOSP-4711", ""), ("HOSP-0815", "")}, "lung") == "consent-unknown"
    assert asked.place.not_consented({("HOSP-4711", "OTHER")}, "lung") == "consent-unknown"
    assert asked.place.not_consented({("HOSP-4711", "")}, "liver") == "consent-unknown"


def test_who_withdrew_here_is_denied_whatever_the_list_says(asked: TrustedHome) -> None:
    assert asked.place.vault.withdraw("HOSP-4711", "", "lung")
    assert not asked.place.vault.withdraw("HOSP-4711", "", "lung")
    assert asked.place.not_consented({("HOSP-4711", "")}, "lung") == "consent-denied"


def test_who_withdrew_is_denied_where_nobody_is_asked(home: TrustedHome) -> None:
    assert home.place.not_consented({("HOSP-4711", "")}, "lung") == ""
    home.place.vault.withdraw("HOSP-4711", "", None)
    assert home.place.not_consented({("HOSP-4711", "")}, "lung") == "consent-denied"
    assert deliver(home).relationship == "parked"


def test_a_patient_is_asked_about_on_standard_input(asked: TrustedHome) -> None:
    run = CliRunner().invoke
    done = run(consent, ["ask", "lung", "--home", str(linked(asked))], input="HOSP-4711\n")
    assert (done.exit_code, done.output) == (0, '{"project": "lung", "consent": "allow"}\n')
    done = run(consent, ["ask", "lung", "--home", str(linked(asked))], input="nobody\n")
    assert (done.exit_code, done.output) == (1, '{"project": "lung", "consent": "consent-unknown"}\n')
    assert run(consent, ["check", "--home", str(linked(asked))]).output == '{"rows": 1}\n'


def linked(home: TrustedHome) -> Path:
    """A home of both zones around this trusted one."""
    around = home.root.with_name(f"{home.root.name}-home")
    around.mkdir(exist_ok=True)
    if not (around / "trusted").is_symlink():
        (around / "trusted").symlink_to(home.root)
    return around
