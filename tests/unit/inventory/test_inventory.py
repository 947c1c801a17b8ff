"""Every text that left is listed, and what is new keeps the gate shut until somebody approves what was shown."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydicom.uid import generate_uid

from processors.audit.reading import records
from processors.delivery.workers import Pool
from processors.inventory.commands import inventory
from processors.inventory.errors import SamePersonError
from processors.quarantine.errors import NotSignedInError
from processors.quarantine.signed_in import accounts_of
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    pool = Pool(1, tmp_path_factory.mktemp("workers") / "workers.log")
    yield pool
    pool.close()


@pytest.fixture
def home(tmp_path: Path, pool: Pool) -> Iterator[TrustedHome]:
    home = TrustedHome(tmp_path / "trusted", pool)
    yield home
    home.close()


def ship(home: TrustedHome, count: int = 1, **changes: object) -> str:
    study, series = generate_uid(), generate_uid()
    delivery = home.seal([ct(study, series, **changes) for _ in range(count)])
    [entry] = home.route(reference(home.announcer().next(0)))
    home.treat(entry)
    return delivery


def run(home: TrustedHome, *arguments: str) -> tuple[int, dict]:
    said = CliRunner().invoke(
        inventory, [*arguments, "--project", "lung", "--json", "--home", str(home.root.parent)], catch_exceptions=False
    )
    return said.exit_code, json.loads(said.output)


def word(home: TrustedHome, digest: str, name: str) -> Result:
    """One person's word, with their own token."""
    file = home.root.parent / f"{name}.token"
    if not file.exists():
        file.write_text(accounts_of(home.place).add(name, home.clock(), "root"))
    arguments = ["approve", "--project", "lung", "--digest", digest, "--token-file", str(file)]
    return CliRunner().invoke(inventory, [*arguments, "--home", str(home.root.parent)])


def approve(home: TrustedHome, digest: str) -> Result:
    """Both words."""
    first = word(home, digest, "ann")
    return first if first.exit_code else word(home, digest, "bob")


def listed(said: dict) -> dict[tuple[str, str], tuple[int, int]]:
    return {(each["attribute"], each["value"]): (each["times"], each["patients"]) for each in said["values"]}


def test_every_text_is_counted_and_the_pseudonym_is_one_value(home: TrustedHome) -> None:
    ship(home, 3)
    ship(home, 2)

    code, said = run(home, "values")

    found = listed(said)
    assert code == 1
    assert found["Manufacturer", "Made Up Imaging"] == (5, 1)
    assert found["PatientID", "(the patient's pseudonym)"] == (5, 1)
    assert found["ImageType", "AXIAL"] == (5, 1)
    assert not any("UID" in attribute or "Date" in attribute for attribute, _ in found)
    assert (said["looked"], said["new"], run(home, "values")[1]["new"]) == (2, 2, 0)


def test_what_was_approved_is_quiet_and_what_is_new_is_named(home: TrustedHome) -> None:
    ship(home)
    assert approve(home, run(home, "values")[1]["digest"]).exit_code == 0
    assert run(home, "values")[0] == 0

    ship(home, Manufacturer="Somebody Else")

    code, said = run(home, "values")
    assert code == 1
    assert list(listed(said)) == [("Manufacturer", "Somebody Else")]
    assert len(listed(run(home, "values", "--all")[1])) > 5


def test_only_what_was_shown_can_be_approved(home: TrustedHome) -> None:
    ship(home)
    shown = run(home, "values")[1]["digest"]
    ship(home, Manufacturer="Somebody Else")

    assert approve(home, shown).exit_code != 0
    assert run(home, "values")[0] == 1


def test_an_approval_is_in_the_audit_record_and_names_no_value(home: TrustedHome) -> None:
    ship(home)
    said = run(home, "values")[1]
    approve(home, said["digest"])

    words = list(records(home.place.site.audit, "lung", kind="decision"))

    about = said["digest"], said["unapproved"]
    assert [(each["what"], each["by"], each["digest"], each["values"]) for each in words] == [
        ("inventory-asked", "ann", *about),
        ("inventory-approved", "bob", *about),
    ]
    assert words[1]["asked_by"] == "ann"
    assert "Made Up Imaging" not in json.dumps(words)


def test_one_person_alone_approves_nothing(home: TrustedHome) -> None:
    ship(home)
    digest = run(home, "values")[1]["digest"]

    assert word(home, digest, "ann").exit_code == 0
    assert isinstance(word(home, digest, "ann").exception, SamePersonError)

    assert run(home, "values")[0] == 1


def test_a_first_word_that_is_not_in_the_record_counts_nothing(home: TrustedHome) -> None:
    """A file that somebody wrote, or that stands for other values."""
    ship(home)
    digest = run(home, "values")[1]["digest"]
    (home.root / "inventory-lung.json").write_text(json.dumps({"digest": digest, "by": "eve"}))

    assert "Another person" in word(home, digest, "ann").output

    assert run(home, "values")[0] == 1


def test_after_new_values_came_both_words_are_needed_again(home: TrustedHome) -> None:
    ship(home)
    word(home, run(home, "values")[1]["digest"], "ann")
    ship(home, Manufacturer="Somebody Else")
    digest = run(home, "values")[1]["digest"]

    assert "Another person" in word(home, digest, "bob").output
    assert word(home, digest, "ann").output.endswith("values approved.\n")


def test_nobody_approves_without_an_account(home: TrustedHome) -> None:
    ship(home)
    digest = run(home, "values")[1]["digest"]
    (home.root.parent / "eve.token").write_text("guessed")

    assert isinstance(word(home, digest, "eve").exception, NotSignedInError)


def test_a_package_that_left_before_anybody_looked_keeps_the_gate_shut(home: TrustedHome) -> None:
    ship(home)
    approve(home, run(home, "values")[1]["digest"])
    delivery = ship(home)
    for package in home.place.delivery_folder(delivery).glob("*.zip"):
        package.unlink()

    code, said = run(home, "values")

    assert (code, len(said["gone"]), said["unapproved"]) == (1, 1, 0)


def test_likeness_is_of_what_left(home: TrustedHome) -> None:
    """The profile removes sex and age, so that patients are alike in them."""
    ship(home, PatientSex="F", PatientAge="064Y")
    ship(home, PatientID="HOSP-2", PatientName="Other^One", PatientSex="M", PatientAge="031Y")

    code, said = run(home, "anonymity")

    assert (code, said["patients"]) == (1, 2)
    assert not any(rare["name"] in ("sex", "age_band") for rare in said["rare"])


def test_the_inventory_is_readable_by_its_owner_alone(home: TrustedHome) -> None:
    ship(home)
    run(home, "values")

    assert (home.root / "inventory.db").stat().st_mode & 0o077 == 0
