"""One series: its face and its ears removed and looked for again, or the verdict why not.

1. Its slices make a regular volume (`volume`).
2. Of a grid of it, body, bone and cranial cavity (`grid`, `tissue`, `cavity`), once more along the axes of the head
   itself (`axes`). Where there is no cavity and the header
   names another part of the body too, it is not a head, and its files stay as they are.
3. Below the cavity there is a face, and it stands out (`surface`).
4. All in front of the cut becomes air (`cut`); files are written one by one (`stored`).
5. The written files are looked at anew (`look`). What fails there is deleted.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from processors.deid.faces.axes import PATIENT, axes_of
from processors.deid.faces.cavity import cavity_of
from processors.deid.faces.cut import Cut, cut_for, distance_to_cavity, head_of, margin_for
from processors.deid.faces.grid import Blocks
from processors.deid.faces.kinds import modality_of, says_no_face
from processors.deid.faces.look import Before, look_again
from processors.deid.faces.picture import rendered
from processors.deid.faces.plane import Plane, Vector
from processors.deid.faces.reading import AIR_HU, Reader, places_of, planes_in
from processors.deid.faces.stored import Stored, opened_file
from processors.deid.faces.surface import face_of, front_of
from processors.deid.faces.tissue import BODY_HU, tissue_of
from processors.deid.faces.verdict import SeriesRefusedError, Verdict
from processors.deid.faces.volume import Volume, volume_of

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a series.

    `written` are the files without a face by their originals, empty unless the verdict is DEFACED; `facts` are numbers
    for a report and name nobody; `picture` is a PNG of the front before and after, and shows a patient.
    """

    verdict: Verdict
    written: dict[Path, Path] = field(default_factory=dict)
    facts: Json = field(default_factory=dict)
    picture: bytes = b""

    def __repr__(self) -> str:
        """The verdict alone; the picture shows a patient."""
        return f"Outcome({self.verdict.value!r})"


def deface(files: Iterable[Path], out: Path, alive: Callable[[], None] = lambda: None) -> Outcome:
    """Remove the face of one series; never raises for bad content.

    Args:
        files: its instances; read, never written.
        out: a folder of the trusted zone's that can be written; files come there by numbers.
        alive: called for each slice; a series may take longer than any silence that is waited for.

    Raises:
        OSError: `out` cannot be written.
    """
    written: dict[Path, Path] = {}
    try:
        return _defaced(list(files), out, written, alive)
    except SeriesRefusedError as error:
        outcome = Outcome(error.verdict)
    except OSError:
        _remove(written)
        raise
    except Exception:  # noqa: BLE001 - the outermost loop of one series: what fails is withheld, never passed on
        outcome = Outcome(Verdict.STEP_FAILED)
    _remove(written)
    return outcome


def _remove(written: dict[Path, Path]) -> None:
    for file in written.values():
        file.unlink(missing_ok=True)


def _defaced(files: list[Path], out: Path, written: dict[Path, Path], alive: Callable[[], None]) -> Outcome:
    hounsfield, other_part = _kind(files)
    volume = volume_of(planes_in(files))
    reader = Reader(hounsfield=hounsfield, alive=alive)
    blocks = Blocks.of(volume, reader.all)
    grid = blocks.along(PATIENT)
    tissue = tissue_of(grid, hounsfield=hounsfield)
    facts: Json = {"shape": list(volume.shape), "spacing_mm": [round(size, 3) for size in volume.spacing]}
    try:
        cavity = cavity_of(grid, tissue, hounsfield=hounsfield)
    except SeriesRefusedError:
        if other_part:
            return Outcome(Verdict.NOT_A_HEAD, facts=facts)
        raise
    if (axes := axes_of(cavity, grid)) is not PATIENT:
        grid = blocks.along(axes)
        tissue = tissue_of(grid, hounsfield=hounsfield)
        cavity = cavity_of(grid, tissue, hounsfield=hounsfield)
    head = head_of(cavity, grid)
    face = face_of(tissue.body, head, grid)
    if not face.found:
        raise SeriesRefusedError(Verdict.FACE_NOT_FOUND)
    if not face.in_front:
        raise SeriesRefusedError(Verdict.ORIENTATION_DOUBTFUL)
    before = Before(volume, grid, head, face, front_of(tissue.body, grid), tissue.threshold)
    cut = cut_for(head, tissue.body, grid, margin_for(volume.spacing, hounsfield=hounsfield))
    value = _written_value(volume, reader, hounsfield=hounsfield)
    _write(volume, cut, grid.axes, value, out, written, alive)
    seen = look_again(before, cut, value, written, reader)
    facts |= {
        "cavity_ml": round(float(cavity.sum()) * grid.millilitres),
        "distance_to_cavity_mm": round(distance_to_cavity(cut, head), 1),
        "changed_voxels": seen.counted.changed,
        "changed_share": round(seen.counted.changed / seen.counted.all, 5),
        "removed_share": round(seen.counted.removed / seen.counted.all, 5),
        "stored_value": value,
        "nose_mm": [round(face.nose, 1), round(face.nape, 1)],
        "face_cm2": round(face.area_cm2, 1),
        "face_gone_share": round(seen.moved, 4),
        "turned_degrees": round(float(np.degrees(np.arccos(np.clip(grid.axes[1, 1], -1, 1)))), 1),
        "cut_mm": cut.said(),
    }
    return Outcome(Verdict.DEFACED, dict(written), facts, rendered(before.front, seen.front, grid.step))


def _kind(files: list[Path]) -> tuple[bool, bool]:
    """Whether it is CT, and whether every header names a part of the body that has no face.

    Raises:
        SeriesRefusedError: it is neither CT nor MR, or of more than one class.
    """
    found = set()
    other_part = bool(files)
    for file in files:
        with opened_file(file) as opened:
            found.add(modality_of(opened.header.value("SOPClassUID").decode("latin-1")))
            other_part = other_part and says_no_face(opened.header)
    if len(found) != 1 or None in found:
        raise SeriesRefusedError(Verdict.NOT_CT_OR_MR)
    return found == {"CT"}, other_part


def _written_value(volume: Volume, reader: Reader, *, hounsfield: bool) -> int:
    """The stored value of what is removed: air in CT, the darkest of the series in MR.

    Raises:
        SeriesRefusedError: no stored value means air.
    """
    if not hounsfield:
        return reader.lowest or 0
    scales = {(plane.slope, plane.intercept) for plane in volume.planes}
    if len(scales) != 1:
        raise SeriesRefusedError(Verdict.PIXELS_UNSUPPORTED)
    slope, intercept = scales.pop()
    low, high = reader.stored(volume.planes[0].file).range
    value = int(np.clip(round((AIR_HU - intercept) / slope), low, high))
    if value * slope + intercept > BODY_HU:
        raise SeriesRefusedError(Verdict.PIXELS_UNSUPPORTED)
    return value


def _write(  # noqa: PLR0917
    volume: Volume,
    cut: Cut,
    axes: Vector,
    value: int,
    out: Path,
    written: dict[Path, Path],
    alive: Callable[[], None],
) -> None:
    """Write each file once, all its frames treated."""
    of_file: dict[Path, list[Plane]] = {}
    for plane in volume.planes:
        of_file.setdefault(plane.file, []).append(plane)
    for number, (file, planes) in enumerate(of_file.items()):
        with opened_file(file) as opened:
            stored = Stored.of(opened)
            for plane in planes:
                alive()
                stored.replace(plane.frame, cut.removes(*places_of(plane, axes)), value)
            written[file] = out / f"{number:05d}.dcm"
            written[file].touch(0o600, exist_ok=False)
            written[file].write_bytes(stored.file())
