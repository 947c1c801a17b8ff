"""What a profile with `clean.visual_features` lets pass, and what objects then say (PS3.15 E.3.2, PS3.16 CID 7050)."""

import pytest

from processors.deid import Engine, Profile, Treated
from processors.deid.errors import ProfileError
from processors.deid.faces import Verdict
from tests.standard.corpus import KEY, ct, encoded, mr, pet, read, rtstruct, seg
from tests.unit.deid.faces.builders import profile


@pytest.fixture
def engine(tmp_path) -> Engine:
    return Engine(profile(tmp_path), KEY.project("test"))


def codes(treated: Treated) -> set[str]:
    made = read(b"".join(bytes(chunk) for chunk in treated.chunks))
    return {item.CodeValue for item in made.DeidentificationMethodCodeSequence}


@pytest.mark.parametrize("image", [ct, mr])
def test_of_a_series_that_was_defaced_it_is_said(engine: Engine, image) -> None:
    made = image()
    made.RecognizableVisualFeatures = "YES"
    treated = engine.treat(encoded(made), Verdict.DEFACED)
    after = read(b"".join(bytes(chunk) for chunk in treated.chunks))
    assert "113102" in codes(treated)
    assert treated.performed == ("113102",)
    assert after.RecognizableVisualFeatures == "NO"


def test_of_what_is_no_head_nothing_is_claimed(engine: Engine) -> None:
    treated = engine.treat(encoded(ct()), Verdict.NOT_A_HEAD)
    assert "113102" not in codes(treated)
    assert "RecognizableVisualFeatures" not in read(b"".join(bytes(chunk) for chunk in treated.chunks))


def test_what_is_no_head_stays_here_where_the_profile_says_so(tmp_path) -> None:
    engine = Engine(profile(tmp_path, not_heads="withhold"), KEY.project("test"))
    assert engine.treat(encoded(ct()), Verdict.NOT_A_HEAD).reason == "face-not-removed"
    assert isinstance(engine.treat(encoded(ct()), Verdict.DEFACED), Treated)


def test_without_the_word_of_the_step_no_image_passes(engine: Engine) -> None:
    assert engine.treat(encoded(ct())).reason == "face-unchecked"


@pytest.mark.parametrize("verdict", [each for each in Verdict if not each.passes])
def test_what_the_step_refused_does_not_pass(engine: Engine, verdict: Verdict) -> None:
    assert engine.treat(encoded(ct()), verdict).reason == "face-not-removed"


@pytest.mark.parametrize("made", [pet(), seg([ct()]), rtstruct([ct()])], ids=["PET", "SEG", "RTSTRUCT"])
@pytest.mark.parametrize("verdict", [None, *(each for each in Verdict if each.passes)])
def test_what_can_draw_a_head_and_the_step_does_not_know_never_passes(engine: Engine, made, verdict) -> None:
    assert engine.treat(encoded(made), verdict).reason == "face-unchecked"


def test_slices_of_one_series_do_not_lend_each_other_the_word(engine: Engine) -> None:
    """The engine remembers headers of a series; a word that was not given for an instance holds for none."""
    for number in range(1, 5):
        assert isinstance(engine.treat(encoded(ct(number)), Verdict.DEFACED), Treated)
    assert engine.treat(encoded(ct(5))).reason == "face-unchecked"
    assert "113102" not in codes(engine.treat(encoded(ct(6)), Verdict.NOT_A_HEAD))
    assert "113102" in codes(engine.treat(encoded(ct(7)), Verdict.DEFACED))


def test_without_the_switch_a_verdict_says_nothing() -> None:
    engine = Engine(Profile.load(), KEY.project("test"))
    assert "113102" not in codes(engine.treat(encoded(ct()), Verdict.DEFACED))


def test_the_digest_of_a_profile_without_the_switch_is_what_it_was(tmp_path) -> None:
    """An unchanged treatment gives unchanged bytes: what is off is not said."""
    same = profile(tmp_path, clean={"visual_features": False})
    assert same.digest != profile(tmp_path).digest
    said = Profile.load().model_copy(update={"name": same.name, "version": same.version})
    assert same.digest == said.digest
    assert profile(tmp_path).digest != profile(tmp_path, not_heads="withhold").digest


def test_what_is_no_head_cannot_be_withheld_where_nobody_looks(tmp_path) -> None:
    with pytest.raises(ProfileError):
        profile(tmp_path, clean={}, not_heads="withhold")
