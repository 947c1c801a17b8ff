"""Profiles: named, versioned, inheriting, compared; and what no profile may say."""

import json

import pytest
import yaml
from click.testing import CliRunner

from processors.deid import Engine, Profile
from processors.deid.commands import deid
from processors.deid.compare import differences
from processors.deid.errors import IdentifiedProfileError, ProfileError
from processors.deid.inherit import shipped, written
from processors.deid.options import DATES
from processors.deid.profile import Clean, Retain
from tests.standard.corpus import KEY, ct, encoded


def file_of(folder, name="mine", **said):
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"name": name, "version": 1, **said}))
    return path


def test_the_shipped_profiles_load_by_their_names():
    assert shipped() == ("identified-passthrough", "release-strict", "research-default")
    assert [Profile.load(name).name for name in shipped()] == list(shipped())
    assert all(Profile.load(name).about for name in shipped())


def test_the_strict_profile_takes_no_option_and_keeps_nothing_that_the_default_does_not():
    strict, default = Profile.load("release-strict"), Profile.load()
    assert strict.options == ()
    for key in ("technical_text", "vocabulary_text", "technical_bulk", "vocabulary"):
        assert set(getattr(strict, key)) <= set(getattr(default, key))
    assert strict.passes.annotations == default.passes.annotations
    assert strict.classes < default.classes
    assert strict.junk == default.junk


def test_a_child_says_what_differs_and_has_the_rest_of_its_parent(tmp_path):
    child = file_of(tmp_path, extends="research-default", dates="removed", retain={"device_identity": True})
    profile = Profile.load(child)
    assert (profile.name, profile.dates) == ("mine", "removed")
    assert profile.retain == Retain(device_identity=True)
    assert profile.clean == Profile.load().clean
    assert profile.technical_text == Profile.load().technical_text


def test_a_grandchild_overrides_single_switches(tmp_path):
    file_of(tmp_path, "parent", extends="research-default", retain={"device_identity": True})
    child = file_of(tmp_path, "child", extends="parent.yaml", retain={"institution_identity": True})
    assert Profile.load(child).retain == Retain(device_identity=True, institution_identity=True)


def test_a_list_is_given_anew_or_edited(tmp_path):
    edited = file_of(tmp_path, extends="research-default", vocabulary={"add": ["knee"], "drop": ["lung"]})
    assert set(Profile.load(edited).vocabulary) ^ set(Profile.load().vocabulary) == {"knee", "lung"}
    anew = file_of(tmp_path, extends="research-default", vocabulary=["knee"])
    assert Profile.load(anew).vocabulary == ("knee",)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"extends": "mine.yaml"}, "extends itself"),
        ({"extends": "nothing"}, "no profile nothing"),
        ({"extends": "research-default", "vocabulary": {"drop": ["zebra"]}}, "drops ['zebra']"),
        ({"extends": "research-default", "vocabulary": {"plus": ["knee"]}}, "give it anew"),
        ({"extends": "research-default", "dates": "kept"}, "dates"),
        ({"extends": "research-default", "retain": {"everything": True}}, "retain.everything"),
        ({"extends": "research-default", "retain": {"uids": True}}, "dates: full"),
        ({"extends": "research-default", "identified": True}, "cannot be said too"),
        ({"identified": True, "retain": {"uids": True}}, "cannot be said too"),
        ({"dates": "removed"}, "passes"),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused_with_the_reason(tmp_path, said, why):
    with pytest.raises(ProfileError, match=r".") as caught:
        Profile.load(file_of(tmp_path, **said))
    assert why in str(caught.value)


def test_parents_without_an_end_are_refused(tmp_path):
    for number in range(12):
        file_of(tmp_path, f"p{number}", extends=f"p{number + 1}.yaml")
    with pytest.raises(ProfileError):
        written(tmp_path / "p0.yaml")


def test_full_and_modified_dates_exclude_each_other():
    """They are one switch (PS3.15 E.3.6)."""
    for dates, codes in (("full", ["113106"]), ("modified", ["113107"]), ("removed", [])):
        profile = Profile.load().model_copy(update={"dates": dates})
        assert [option.code for option in profile.options if option in DATES.values()] == codes


def test_the_digest_is_of_what_is_done_not_of_how_it_is_written(tmp_path):
    same = tmp_path / "same.yaml"
    same.write_text(yaml.safe_dump({**written("research-default"), "about": "other words"}))
    assert Profile.load(same).digest == Profile.load().digest
    same.write_text(yaml.safe_dump({**written("research-default"), "version": 99}))
    assert Profile.load(same).digest != Profile.load().digest


@pytest.mark.parametrize(
    "changes",
    [
        {"dates": "removed"},
        {"retain": Retain(device_identity=True)},
        {"clean": Clean(descriptors=True)},
        {"vocabulary": ()},
    ],
    ids=str,
)
def test_every_switch_changes_the_digest(changes):
    assert Profile.load().model_copy(update=changes).digest != Profile.load().digest


def test_profiles_are_compared_key_by_key(tmp_path):
    child = Profile.load(
        file_of(tmp_path, extends="research-default", dates="removed", retain={"device_identity": True},
                vocabulary={"add": ["knee"], "drop": ["lung"]})
    )  # fmt: skip
    assert differences(Profile.load(), child) == [
        "dates: modified -> removed",
        "retain.device_identity: false -> true",
        "vocabulary: - lung",
        "vocabulary: + knee",
    ]
    assert differences(child, child) == []


def test_the_command_prints_the_differences():
    result = CliRunner().invoke(deid, ["diff", "research-default", "release-strict"])
    assert result.exit_code == 0
    assert "dates: modified -> removed" in result.stdout.splitlines()


def test_the_command_lists_the_shipped_profiles():
    lines = CliRunner().invoke(deid, ["profiles"]).stdout
    for name in shipped():
        assert f"{name} {Profile.load(name).version} {Profile.load(name).digest[:12]}" in lines


def test_an_identified_profile_treats_nothing_and_makes_no_package():
    profile = Profile.load("identified-passthrough")
    for refused in (profile.require_for_packages, lambda: Engine(profile, KEY.project("test"))):
        with pytest.raises(IdentifiedProfileError):
            refused()


def test_original_uids_never_go_into_a_package():
    """Evidence, labels and results know studies by pseudonyms; `sluice deid apply` may retain them all the same."""
    profile = Profile.load().model_copy(update={"dates": "full", "retain": Retain(uids=True)})
    with pytest.raises(ProfileError, match="pseudonyms"):
        profile.require_for_packages()
    Engine(profile, KEY.project("test"))


@pytest.mark.parametrize("name", shipped())
def test_each_shipped_profile_is_explained(tmp_path, name):
    (tmp_path / "ct.dcm").write_bytes(encoded(ct()))
    result = CliRunner().invoke(deid, ["explain", str(tmp_path / "ct.dcm"), "--profile", name, "--json"])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert lines[0]["verdict"] == "passes"
    said = {line["path"]: line["action"] for line in lines[1:]}
    expected = {"identified-passthrough": "keep", "release-strict": "empty", "research-default": "shift date"}
    assert said["StudyDate"] == expected[name]
    assert said["PatientName"] == ("keep" if name == "identified-passthrough" else "pseudonym")


def test_explain_names_the_option_that_decides(tmp_path):
    (tmp_path / "ct.dcm").write_bytes(encoded(ct()))
    profile = file_of(tmp_path, extends="research-default", retain={"institution_identity": True})
    result = CliRunner().invoke(deid, ["explain", str(tmp_path / "ct.dcm"), "--profile", str(profile)])
    line = next(line for line in result.stdout.splitlines() if "InstitutionName" in line)
    assert "keep" in line
    assert "113112 Retain Institution Identity Option" in line


def test_reports_pass_only_where_their_content_is_cleaned(tmp_path):
    """PS3.15 E.3.4: without the option, risk is significant."""
    reports = {"extends": "research-default", "passes": {"annotations": {"add": ["1.2.840.10008.5.1.4.1.1.88.11"]}}}
    with pytest.raises(ProfileError, match=r"clean\.structured_content"):
        Profile.load(file_of(tmp_path, **reports))
    Profile.load(file_of(tmp_path, **reports, clean={"structured_content": True}))
