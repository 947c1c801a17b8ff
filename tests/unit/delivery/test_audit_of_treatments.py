"""What the audit record says of every treated instance, and that nothing leaves without it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom.uid import generate_uid

from processors.audit.commands import key, show, verify
from processors.audit.errors import AuditUnwritableError
from processors.audit.reading import records
from processors.audit.treated import verifier
from processors.deid.profile import Profile
from processors.delivery.flowfile import Reference
from processors.delivery.treat import treat
from processors.ledger.schema import transaction
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference

PATIENT = ("HOSP-4711", "Doe", "SCANNER9")


def shipped(home: TrustedHome, *datasets: object) -> dict[str, str]:
    home.seal(list(datasets))  # type: ignore[arg-type]
    [entry] = home.route(reference(home.announcer().next(0)))
    return entry


def slices(count: int) -> list:
    study, series = generate_uid(), generate_uid()
    return [ct(study, series) for _ in range(count)]


def test_each_instance_has_a_record_and_the_package_one_more(home: TrustedHome) -> None:
    good, named = slices(2)
    named.Manufacturer = "Testperson Imaging"
    entry = shipped(home, good, named)
    sent = home.treat(entry)

    passed, withheld, package = list(records(home.place.site.audit, "lung"))

    if passed["outcome"] != "passed":
        passed, withheld = withheld, passed
    assert (passed["file"], passed["verifier"], passed["reason"]) == ("000001.dcm", "clean", None)
    assert (withheld["file"], withheld["outcome"], withheld["reason"]) == ("000002.dcm", "withheld", "verify-hit")
    assert (withheld["verifier"], withheld["out"]) == ("hit", None)
    profile = Profile.load("research-default")
    for record in (passed, withheld, package):
        assert record["profile"] == f"{profile.name} {profile.version}"
        assert record["key_epoch"] == f"{home.place.keys.id}/1"
        assert record["profile_digest"] == profile.digest
        assert record["table_edition"] == package["treatment"]["table_e1_1_edition"]
    assert passed["actions"]["keep"] > 10
    assert passed["actions"]["patient-id"] == passed["actions"]["patient-name"] == 1
    assert verifier("pixels-mismatch") == "not-reached"
    assert (package["package"], package["passed"], package["withheld"]) == (sent["package.sha256"], 1, 1)


def test_the_digests_are_those_of_what_came_and_of_what_left(home: TrustedHome) -> None:
    import zipfile

    from handoff.contract.shipment import Manifest

    delivery = home.seal(slices(3))
    [entry] = home.route(reference(home.announcer().next(0)))
    sent = home.treat(entry)

    with zipfile.ZipFile(sent["package.path"]) as opened:
        manifest = Manifest.model_validate_json(opened.read("manifest.json"))
    came = json.loads((home.place.delivery_folder(delivery) / "delivery.json").read_bytes())["instances"]
    told = list(records(home.place.site.audit, "lung", kind="instance"))
    assert {each["instance"]: each["out"] for each in told} == {
        each.sop_instance_uid: each.digest for each in manifest.instances
    }
    assert all(each["actions"] == told[0]["actions"] and each["actions"]["keep"] > 10 for each in told)
    assert {each["file"]: each["in"] for each in told} == {each["file"]: each["digest"] for each in came}


def test_no_value_of_a_patient_is_in_the_record(home: TrustedHome) -> None:
    datasets = slices(2)
    home.treat(shipped(home, *datasets))

    said = b"".join(file.read_bytes() for file in home.place.site.audit.rglob("*.jsonl"))

    for value in (*PATIENT, *(str(each.SOPInstanceUID) for each in datasets), str(datasets[0].StudyInstanceUID)):
        assert value.encode() not in said


def test_without_its_record_a_package_gets_no_name(home: TrustedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = shipped(home, *slices(1))
    home.place.site.audit.mkdir()
    (home.place.site.audit / "lung").write_text("a file where a folder should be")

    with pytest.raises(AuditUnwritableError):
        treat(home.place, Reference.read(entry), home.pool)

    assert home.rows("SELECT state FROM shipments") == [("routed",)]
    assert not list(home.place.site.landing.rglob("*.zip"))
    (home.place.site.audit / "lung").unlink()
    home.treat(entry)


def test_the_record_is_there_before_the_package_has_its_name(
    home: TrustedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = shipped(home, *slices(1))
    rename, seen = Path.rename, []

    def looking(self: Path, target: Path) -> Path:
        if target.suffix == ".zip":
            seen.append([each["kind"] for each in records(home.place.site.audit, "lung")])
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", looking)
    home.treat(entry)

    assert seen == [["instance", "package"]]


def run(command: object, home: TrustedHome, *arguments: str) -> tuple[int, list[dict]]:
    said = CliRunner().invoke(command, [*arguments, "--json", "--home", str(home.root.parent / "named")])  # type: ignore[arg-type]
    return said.exit_code, [json.loads(line) for line in said.output.splitlines()]


@pytest.fixture
def named(home: TrustedHome) -> TrustedHome:
    """The home where commands look for it."""
    (home.root.parent / "named").mkdir()
    (home.root.parent / "named" / "trusted").symlink_to(home.root)
    return home


def test_the_command_finds_a_package_that_the_chain_does_not_know(named: TrustedHome) -> None:
    """The end of a chain can be cut off without a trace in it; the ledger misses what was there."""
    for _ in range(2):
        named.treat(shipped(named, *slices(1)))
    assert run(verify, named)[0] == 0
    [file] = (named.place.site.audit / "lung").glob("*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:3]))

    code, [said] = run(verify, named)

    assert code == 1
    assert [fault["code"] for fault in said["faults"]] == ["no-record"]
    assert run(verify, named, "--no-ledger")[0] == 0


def test_the_command_finds_that_the_whole_record_of_a_project_is_gone(named: TrustedHome) -> None:
    named.treat(shipped(named, *slices(1)))
    for file in (named.place.site.audit / "lung").iterdir():
        file.unlink()

    assert run(verify, named)[0] == 1


def test_packages_from_before_there_was_a_record_are_not_missed(named: TrustedHome) -> None:
    """An older installation that was upgraded, and has treated nothing since."""
    named.treat(shipped(named, *slices(1)))
    for file in (named.place.site.audit / "lung").iterdir():
        file.unlink()
    with transaction(named.place.ledger) as ledger:
        ledger.execute("UPDATE shipments SET treatment = json_set(treatment, '$.engine', '1')")

    assert run(verify, named)[0] == 0


def test_an_auditor_verifies_with_the_public_key_alone(named: TrustedHome) -> None:
    named.treat(shipped(named, *slices(1)))
    said = CliRunner().invoke(key, ["--home", str(named.root.parent / "named")])
    public = said.output.split()[1]
    (named.root / "keys" / "site.key").unlink()

    assert run(verify, named, "--public-key", public)[0] == 0
    assert run(verify, named, "--public-key", "00" * 31 + "01")[0] == 1


def test_show_finds_an_instance_by_the_uid_that_it_has_in_the_package(named: TrustedHome) -> None:
    named.treat(shipped(named, *slices(3)))
    wanted = next(records(named.place.site.audit, "lung"))["instance"]

    code, said = run(show, named, "--project", "lung", "--instance", wanted)

    assert code == 0
    assert [each["instance"] for each in said] == [wanted]


def test_what_is_made_again_is_recorded_again(home: TrustedHome, make_home: Callable[..., TrustedHome]) -> None:
    """A crash between record and name leaves a record of a package that nobody has; the next attempt has its own."""
    entry = shipped(home, *slices(1))
    first = home.treat(entry)
    with transaction(home.place.ledger) as ledger:
        ledger.execute("UPDATE shipments SET state = 'routed', package_sha256 = NULL")
    again = home.treat(entry)

    packages = [each["package"] for each in records(home.place.site.audit, "lung", kind="package")]
    assert packages == [first["package.sha256"], again["package.sha256"]]
    assert packages[0] == packages[1]
