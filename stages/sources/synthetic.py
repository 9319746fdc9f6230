"""Synthetic scenes: six classes of grey pictures from a seeded generator, for the demo and the tests.

Accuracies on them say nothing about photographs.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.float64]  # (SIZE, SIZE), 0 black to 1 white
SIZE = 160
_Y: Picture
_X: Picture
_Y, _X = np.mgrid[0:SIZE, 0:SIZE] / SIZE


def _coast(rng: Generator) -> Picture:
    horizon = rng.uniform(0.35, 0.6)
    waves = 0.08 * np.sin(2 * np.pi * (_Y - horizon) * rng.uniform(15, 30) + rng.uniform(0, 6) * _X)
    picture: Picture = np.where(horizon > _Y, 0.9 - 0.3 * _Y, 0.45 + waves)
    return picture


def _mountain(rng: Generator) -> Picture:
    peaks = rng.uniform(0.1, 0.9, size=3)
    slopes = rng.uniform(0.8, 1.8, size=3)
    ridge = np.min([0.25 + s * np.abs(_X - p) for p, s in zip(peaks, slopes, strict=True)], axis=0)
    return np.where(ridge > _Y, 0.85, 0.55 - 0.4 * (_Y - ridge))


def _forest(rng: Generator) -> Picture:
    picture = np.full((SIZE, SIZE), 0.55)
    for centre in rng.uniform(0, 1, size=rng.integers(8, 16)):
        trunk = np.abs(_X - centre - 0.04 * np.sin(5 * _Y)) < rng.uniform(0.008, 0.03)
        picture[trunk] = rng.uniform(0.1, 0.3)
    return picture


def _street(rng: Generator) -> Picture:
    vanish = rng.uniform(0.35, 0.65)
    road = np.abs(_X - vanish) < rng.uniform(0.5, 0.9) * (_Y - 0.45)
    walls = 0.35 + 0.4 * np.abs(_X - vanish)
    lines = 0.1 * (np.sin((_Y - 0.45) / (np.abs(_X - vanish) + 0.05) * 20) > 0)
    return np.where(road, 0.25, np.where(0.45 - 0.5 * np.abs(_X - vanish) > _Y, 0.9, walls + lines))


def _tower(rng: Generator) -> Picture:
    picture = 0.9 - 0.2 * _Y
    left, right, top = rng.uniform(0.1, 0.35), rng.uniform(0.65, 0.9), rng.uniform(0.05, 0.3)
    rows, columns = rng.uniform(30, 50, size=2)
    windows = (np.sin(_X * 2 * columns) > 0.2) & (np.sin(_Y * 2 * rows) > 0.2)
    inside = (left < _X) & (right > _X) & (top < _Y)
    return np.where(inside, np.where(windows, 0.2, 0.6), picture)


def _room(rng: Generator) -> Picture:
    floor = rng.uniform(0.6, 0.75)
    picture = np.where(floor > _Y, 0.75, 0.4 + 0.05 * np.sin(60 * (_X - 0.5) / (_Y + 0.1)))
    for _ in range(rng.integers(2, 5)):
        x, y = rng.uniform(0.05, 0.7), rng.uniform(0.15, 0.7)
        box = (x < _X) & (x + rng.uniform(0.1, 0.3) > _X) & (y < _Y) & (y + 0.2 > _Y)
        picture[box] = rng.uniform(0.1, 0.5)
    return picture


KINDS: dict[str, Callable[[Generator], Picture]] = {
    "coast": _coast,
    "forest": _forest,
    "mountain": _mountain,
    "room": _room,
    "street": _street,
    "tower": _tower,
}


def write(folder: Path, *, classes: int, images_per_class: int) -> None:
    """Draw `images_per_class` pictures of each of the first `classes` kinds into `folder/<kind>/`."""
    for kind, draw in list(KINDS.items())[:classes]:
        (folder / kind).mkdir(parents=True)
        for number in range(images_per_class):
            # One generator per picture: a larger number of pictures does not change the first ones.
            rng = np.random.default_rng([number, *kind.encode()])
            noisy = draw(rng) * rng.uniform(0.6, 1.1) + rng.normal(0, 0.15, size=(SIZE, SIZE))
            pixels = (255 * noisy.clip(0, 1)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / kind / f"{number:04d}.png")
