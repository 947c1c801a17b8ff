"""`sluice deid` and `sluice keys`, as an operator meets them."""

import hashlib
import json
import os
import stat

import pytest
from click.testing import CliRunner

from processors.audit.errors import AuditUnwritableError
from processors.audit.reading import records
from processors.audit.signer import Trusted
from processors.audit.verify import verify
from processors.deid.commands import deid, keys
from processors.deid.keys import KeyFile
from processors.site import Site
from sluice.cli import main
from tests.standard.corpus import ct, encoded, read, related


@pytest.fixture
def key(tmp_path):
    KeyFile.create(tmp_path / "site.key")
    return tmp_path / "site.key"


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "in"
    (folder / "a" / "b").mkdir(parents=True)
    for number, made in enumerate(related()):
        (folder / "a" / f"{number}.dcm").write_bytes(encoded(made))
    burned = ct()
    burned.BurnedInAnnotation = "YES"
    (folder / "a" / "b" / "burned.dcm").write_bytes(encoded(burned))
    (folder / "letter.txt").write_text("Dear Mrs Holzmann")
    return folder


def apply(source, target, key, *options):
    """By a profile that looks at no pixels, so that the same passes with and without a text detector."""
    profile = source.parent / "unseen.yaml"
    profile.write_text("{extends: research-default, name: unseen, version: 1, clean: {pixel_data: false}}")
    more = ("--key-file", str(key), "--profile", str(profile), *options)
    return CliRunner().invoke(deid, ["apply", str(source), str(target), *more])


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_passes_keeps_its_name_and_what_does_not_is_in_the_report(source, tmp_path, key, workers):
    target, report = tmp_path / "out", tmp_path / "report.jsonl"
    result = apply(source, target, key, "--report", str(report), "--workers", workers)
    assert result.exit_code == 0, result.output
    assert names(target) == {"a/0.dcm", "a/1.dcm", "a/2.dcm", "a/3.dcm"}
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert {line["file"]: line["reason"] for line in lines} == {
        "a/b/burned.dcm": "pixels-unchecked",
        "letter.txt": "not-dicom",
    }
    said = json.loads(result.stdout)
    assert (said["files"], said["passed"]) == (6, 4)
    assert said["quarantined"] == {"not-dicom": 1, "pixels-unchecked": 1}
    assert said["audit"] is None
    assert said["treatment"]["profile"] == "unseen 1"
    assert read((target / "a/0.dcm").read_bytes()).PatientIdentityRemoved == "YES"


def test_any_number_of_workers_gives_the_same_bytes(source, tmp_path, key):
    one, two = tmp_path / "one", tmp_path / "two"
    apply(source, one, key, "--workers", "1")
    apply(source, two, key, "--workers", "2")
    assert names(one) == names(two)
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names(one))


def test_projects_have_pseudonyms_of_their_own(source, tmp_path, key):
    for project in ("lung", "liver"):
        apply(source, tmp_path / project, key, "--project", project)
    ids = {read((tmp_path / project / "a/0.dcm").read_bytes()).PatientID for project in ("lung", "liver")}
    assert len(ids) == 2


def test_an_earlier_output_goes_when_its_file_no_longer_passes(source, tmp_path, key):
    target = tmp_path / "out"
    apply(source, target, key)
    (source / "a/0.dcm").write_bytes(b"no longer DICOM")
    apply(source, target, key)
    assert "a/0.dcm" not in names(target)


@pytest.fixture
def home(tmp_path):
    site = Site.load(tmp_path / "home" / "trusted")
    site.key_file.parent.mkdir(parents=True)
    KeyFile.create(site.key_file)
    return tmp_path / "home"


def run_with(home, source, target, *options):
    profile = source.parent / "unseen.yaml"
    profile.write_text("{extends: research-default, name: unseen, version: 1, clean: {pixel_data: false}}")
    arguments = ["apply", source, target, "--home", home, "--project", "lung", "--profile", profile, *options]
    return CliRunner().invoke(deid, list(map(str, arguments)))


def test_with_a_home_the_run_is_in_its_audit_chain_and_names_no_file(source, tmp_path, home):
    result = run_with(home, source, tmp_path / "out")
    assert result.exit_code == 0, result.output
    site = Site.load(home / "trusted")
    found = verify(site.audit, "lung", Trusted.of_site(KeyFile.load(site.key_file)))
    assert (found.faults, found.digest) == ([], json.loads(result.stdout)["audit"])
    begun, *applied, ended = records(site.audit, "lung")
    assert (begun["kind"], begun["files"], begun["treatment"]["profile"]) == ("apply-begun", 6, "unseen 1")
    assert (ended["kind"], ended["passed"], ended["withheld"]) == ("apply-ended", 4, 2)
    passed = [each for each in applied if each["outcome"] == "passed"]
    written = {str(read((tmp_path / "out" / name).read_bytes()).SOPInstanceUID) for name in names(tmp_path / "out")}
    assert {each["instance"] for each in passed} == written
    assert {each["in"] for each in applied} == {
        hashlib.sha256((source / name).read_bytes()).hexdigest() for name in names(source)
    }
    assert {each["reason"] for each in applied} == {None, "not-dicom", "pixels-unchecked"}
    chain = b"".join(each.read_bytes() for each in (site.audit / "lung").glob("*.jsonl"))
    assert b"letter" not in chain
    assert b".dcm" not in chain


def test_a_pipe_in_the_folder_is_recorded_and_not_waited_for(source, tmp_path, home):
    os.mkfifo(source / "pipe")
    result = run_with(home, source, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert {each["in"] is None for each in records(Site.load(home / "trusted").audit, "lung") if "in" in each} == {
        True,
        False,
    }


def test_what_cannot_be_recorded_is_not_done(source, tmp_path, home):
    (home / "trusted" / "audit").write_text("no folder")
    result = run_with(home, source, tmp_path / "out")
    assert isinstance(result.exception, AuditUnwritableError)
    assert names(tmp_path / "out") == set()


@pytest.mark.parametrize("project", ["../elsewhere", "_site", "Lung", ""])
def test_a_project_that_can_be_none_has_no_chain(source, tmp_path, home, project):
    assert run_with(home, source, tmp_path / "out", "--project", project).exit_code == 2
    assert not (home / "trusted" / "audit").exists()


def test_a_home_and_a_key_file_exclude_each_other(source, tmp_path, home, key):
    assert run_with(home, source, tmp_path / "out", "--key-file", key).exit_code == 2


def test_the_source_is_left_as_it_was(source, tmp_path, key):
    before = {name: (source / name).read_bytes() for name in names(source)}
    apply(source, tmp_path / "out", key)
    assert before == {name: (source / name).read_bytes() for name in names(source)}


def test_wrong_usage_exits_with_2(source, tmp_path, key):
    assert apply(tmp_path / "nowhere", tmp_path / "out", key).exit_code == 2
    assert CliRunner().invoke(deid, ["apply", str(source), str(tmp_path / "out")]).exit_code == 2
    for arguments in (
        ["apply", source, source / "out", "--key-file", key],
        ["apply", source, source, "--key-file", key],
    ):
        with pytest.raises(SystemExit) as caught:
            main(["deid", *map(str, arguments)])
        assert caught.value.code == 2


@pytest.mark.parametrize("option", [["--key-file", "missing.key"], ["--profile", "nothing", "--key-file", "KEY"]])
def test_without_key_or_profile_nothing_starts_and_one_line_says_why(source, tmp_path, key, option, capsys):
    option = [str(key) if each == "KEY" else each for each in option]
    with pytest.raises(SystemExit) as caught:
        main(["deid", "apply", str(source), str(tmp_path / "out"), *option])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not names(tmp_path / "out")


def test_explain_names_every_attribute_and_shows_no_value(tmp_path):
    file = tmp_path / "ct.dcm"
    made = ct()
    made.private_block(0x0009, "ACME", create=True).add_new(1, "LO", "Holzmann")
    file.write_bytes(encoded(made))
    result = CliRunner().invoke(deid, ["explain", str(file)])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == len(made) + 1
    for value in ("Holzmann", "MRN-4711", "ACME", "20240506", made.SOPInstanceUID, "Made Up"):
        assert value not in result.stdout
    assert "E.1-1 Z/D, Type 2 here" in result.stdout


def test_explain_says_why_a_file_is_withheld(tmp_path):
    file = tmp_path / "letter.txt"
    file.write_text("Dear Mrs Holzmann")
    result = CliRunner().invoke(deid, ["explain", str(file), "--json"])
    said = json.loads(result.stdout)
    assert said["verdict"] == "withheld: not-dicom"
    assert said["why"].startswith("The file is not DICOM Part 10 (PS3.10 7.1). Leave it out")


def test_a_new_key_is_made_and_never_overwritten(tmp_path):
    file = tmp_path / "new.key"
    assert CliRunner().invoke(keys, ["new", str(file)]).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(SystemExit) as caught:
        main(["keys", "new", str(file)])
    assert caught.value.code == 2
