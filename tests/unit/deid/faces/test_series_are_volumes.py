"""What is no regular volume is refused by a code, and never guessed (PS3.3 C.7.6.2)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from processors.deid.faces.plane import Plane
from processors.deid.faces.verdict import VERDICTS, SeriesRefusedError, Verdict
from processors.deid.faces.volume import volume_of

L, P, S = np.eye(3)


def slices(count: int = 20, step: float = 2.0, along=S) -> list[Plane]:
    position = np.array([-100.0, -90.0, 40.0])
    return [
        Plane(Path(f"{n}"), 0, position + n * step * np.asarray(along), L, P, (1.0, 1.0), (64, 64), 1.0, -1024.0)
        for n in range(count)
    ]


def turned(plane: Plane, degrees: float) -> Plane:
    angle = np.radians(degrees)
    return replace(plane, along_column=np.array([0, np.cos(angle), np.sin(angle)]))


def without(planes: list[Plane], number: int) -> list[Plane]:
    return planes[:number] + planes[number + 1 :]


REFUSED = {
    "few": (slices(11), Verdict.TOO_FEW_SLICES),
    "one missing": (without(slices(), 7), Verdict.GAPS),
    "one beside the line": (
        [*slices()[:-1], replace(slices()[-1], position=slices()[-1].position + 3 * L)],
        Verdict.GAPS,
    ),
    "two in one place": ([*slices(), slices()[3]], Verdict.POSITIONS_REPEAT),
    "one turned": ([turned(slices()[0], 5), *slices()[1:]], Verdict.MIXED_ORIENTATIONS),
    "one smaller": ([replace(slices()[0], size=(64, 60)), *slices()[1:]], Verdict.MIXED_SIZES),
    "one of other spacing": ([replace(slices()[0], spacing=(1.0, 1.1)), *slices()[1:]], Verdict.MIXED_SIZES),
    "too far apart": (slices(step=7.5), Verdict.SLICES_TOO_FAR),
    "tilted by 40 degrees": (slices(along=S + np.tan(np.radians(40)) * P), Verdict.GANTRY_TILT),
}


@pytest.mark.parametrize(("planes", "verdict"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_regular_volume_is_refused(planes: list[Plane], verdict: Verdict) -> None:
    with pytest.raises(SeriesRefusedError) as refused:
        volume_of(planes)
    assert refused.value.verdict is verdict


@pytest.mark.parametrize("along", [S, -S, S + np.tan(np.radians(20)) * P], ids=["up", "down", "tilted by 20 degrees"])
def test_slices_are_ordered_and_a_voxel_lies_where_its_slice_says(along) -> None:
    planes = slices(along=along)
    volume = volume_of(planes[::2] + planes[1::2])
    for number in (0, 7, 19):
        expected = volume.planes[number].position + 3 * volume.planes[number].along_column
        assert np.allclose(volume.origin + volume.steps @ (number, 3, 0), expected)
    assert np.all(np.diff([plane.position[2] for plane in volume.planes]) > 0)


def test_slices_that_differ_a_little_make_the_same_volume_in_every_order() -> None:
    planes = [replace(plane, spacing=(1.0, 1.0 + n * 1e-5)) for n, plane in enumerate(slices())]
    made = [volume_of(order) for order in (planes, planes[::-1], planes[7:] + planes[:7])]
    assert all(np.array_equal(each.steps, made[0].steps) for each in made)


def test_every_verdict_is_said_in_a_sentence() -> None:
    assert set(VERDICTS) == set(Verdict)
    assert len(set(VERDICTS.values())) == len(Verdict)
    assert {verdict for verdict in Verdict if verdict.passes} == {Verdict.DEFACED, Verdict.NOT_A_HEAD}
    page = (Path(__file__).parents[4] / "docs" / "faces.md").read_text("utf-8")
    for verdict, sentence in VERDICTS.items():
        assert f"| `{verdict.value}` | {sentence} |" in page
