"""One picture of what the model did: a row per unseen patient, a column for the scan, the truth and the answer."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from sluice.demo.score import Answer, Mask, Score
from sluice.demo.studies import Study

Pixels = NDArray[np.uint8]

SCALE = 4
WINDOW = (-1000.0, 400.0)
"""Densities shown as black and as white, in HU."""

TRUTH, ANSWER, INK, PAPER = (46, 204, 113), (255, 159, 28), (235, 238, 242), (18, 22, 28)
MARGIN, HEADER = 16, 56
COLUMNS = ("CT", "ground truth (never sent)", "the model's DICOM SEG")


def draw(studies: Sequence[Study], answers: dict[int, Answer], score: Score, file: Path) -> Path:
    """Write the montage as PNG and return its path."""
    tiles = [_tiles(study, answers[study.seed].mask) for study in studies]
    height, width = tiles[0][0].shape[:2]
    row, column = height + MARGIN + 20, width + MARGIN
    canvas = Image.new("RGB", (MARGIN + column * len(COLUMNS), HEADER + row * len(tiles)), PAPER)
    pen = ImageDraw.Draw(canvas)
    title = f"Unseen patients: Dice {score.model:.2f}, best threshold with components {score.threshold.dice:.2f}"
    pen.text((MARGIN, 10), title, fill=INK, font_size=16)
    for index, name in enumerate(COLUMNS):
        pen.text(
            (MARGIN + column * index, 36), name, fill=(TRUTH, TRUTH, ANSWER)[index] if index else INK, font_size=13
        )
    for number, (study, images) in enumerate(zip(studies, tiles, strict=True)):
        top = HEADER + row * number
        for index, image in enumerate(images):
            canvas.paste(Image.fromarray(image), (MARGIN + column * index, top))
        caption = f"patient {number + 1}, slice {best_slice(study) + 1}: Dice {score.patients[number]:.2f}"
        pen.text((MARGIN, top + height + 3), caption, fill=INK, font_size=12)
    canvas.save(file)
    return file


def best_slice(study: Study) -> int:
    """The slice with most of the truth in it."""
    return int(study.phantom.truth.sum(axis=(1, 2)).argmax())


def _tiles(study: Study, answer: Mask) -> list[Pixels]:
    index = best_slice(study)
    low, high = WINDOW
    grey = np.clip((study.phantom.volume[index] - low) / (high - low) * 255.0, 0, 255).astype(np.uint8)
    plain = np.repeat(np.stack([grey] * 3, axis=-1).repeat(SCALE, 0), SCALE, 1)
    return [plain, _outlined(plain, study.phantom.truth[index], TRUTH), _outlined(plain, answer[index], ANSWER)]


def _outlined(image: Pixels, mask: Mask, colour: tuple[int, int, int]) -> Pixels:
    """Tint the mask a little and draw its outline."""
    large = mask.repeat(SCALE, 0).repeat(SCALE, 1)
    inner = large.copy()
    for axis in (0, 1):
        inner &= np.roll(large, 2, axis) & np.roll(large, -2, axis)
    result = image.copy()
    result[large] = (0.65 * image[large] + 0.35 * np.array(colour)).astype(np.uint8)
    result[large & ~inner] = colour
    return result
