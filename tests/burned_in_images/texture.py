"""Noise as devices make it: speckle of sound, and the grain and soft shapes of a radiograph."""

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]


def speckle(chance: np.random.Generator, depths: int, beams: int, axial: float, lateral: float) -> Plane:
    """The envelope of filtered complex noise, of Rayleigh distribution and mean square 1: (depths, beams).

    Args:
        chance: where noise comes from.
        depths: samples along a beam.
        beams: how many beams.
        axial: width of the pulse, samples (standard deviation).
        lateral: width of a beam, beams (standard deviation).
    """
    noise = chance.normal(size=(depths, beams)) + 1j * chance.normal(size=(depths, beams))
    down, across = np.fft.fftfreq(depths)[:, None], np.fft.fftfreq(beams)[None, :]
    passed = np.exp(-2 * np.pi**2 * ((down * axial) ** 2 + (across * lateral) ** 2))
    envelope = np.abs(np.fft.ifft2(np.fft.fft2(noise) * passed))
    return envelope / np.sqrt((envelope**2).mean())


def clouds(chance: np.random.Generator, rows: int, columns: int, power: float) -> Plane:
    """Soft shapes of all sizes, mean 0 and deviation 1: noise whose spectrum falls by a power of frequency."""
    down, across = np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None, :]
    falls = 1 / np.maximum(np.hypot(down, across), 1 / max(rows, columns)) ** power
    found = np.fft.irfft2(np.fft.rfft2(chance.normal(size=(rows, columns))) * falls, s=(rows, columns))
    return (found - found.mean()) / found.std()


def interpolated(plane: Plane, down: Plane, across: Plane) -> Plane:
    """A plane at places between its samples; beyond its edge, its edge."""
    down = down.clip(0, plane.shape[0] - 1.001)
    across = across.clip(0, plane.shape[1] - 1.001)
    y, x = down.astype(int), across.astype(int)
    v, u = down - y, across - x
    upper = plane[y, x] * (1 - u) + plane[y, x + 1] * u
    lower = plane[y + 1, x] * (1 - u) + plane[y + 1, x + 1] * u
    return upper * (1 - v) + lower * v


def soft(edge: Plane, width: float) -> Plane:
    """1 where `edge` is below zero, 0 above, over a width."""
    return 1 / (1 + np.exp((edge / width).clip(-40, 40)))
