"""How alike two pictures are, without a network: whether they show the same shot.

The comparison ignores brightness, contrast and slow shading. It allows the shifts and the stretches of a
camera that hardly moved.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, maximum_filter
from tqdm import tqdm

Floats = NDArray[np.float32]

COARSE, FINE = 24, 64  # pixels: the side of the picture for all pairs, and for the candidates
CANDIDATE = 0.35  # the coarse correlation of a candidate: 3 of 10,000 pairs of 15 Scene
_SHIFT = 4  # pixels, of COARSE
_TILE = 1024  # images on either side of the products that are computed at once
_GRID = 4  # blocks of the fine picture along each side
_BLOCK = FINE // _GRID
_REACH = 12  # pixels, of FINE: how far a block may move
_STRETCHES = np.linspace(-0.15, 0.15, 7)
_FLOOR = 0.01 * _BLOCK**2  # of a block's energy: less is noise


def detail(picture: NDArray[np.number], side: int, sigma: float) -> Floats:
    """The local structure of a grey picture (h, w), values 0 to 255, as (side, side).

    A Gaussian blur is subtracted. The mean of each row and of each column is subtracted too: otherwise
    any two horizons are alike. The result is divided by its local standard deviation.
    """
    small = Image.fromarray(picture.astype(np.float32)).resize((side, side), Image.Resampling.BILINEAR)
    grey = np.asarray(small)
    band = grey - gaussian_filter(grey, sigma)
    band -= band.mean(axis=0) + band.mean(axis=1, keepdims=True) - band.mean()
    grain = 2.0  # grey levels; less contrast is the noise of a JPEG file
    found: Floats = band / (np.sqrt(gaussian_filter(band**2, sigma)) + grain)
    return found


def coarse(picture: NDArray[np.number]) -> Floats:
    """The picture (h, w) for `candidates`, (COARSE, COARSE)."""
    return detail(picture, COARSE, sigma=1.5)


def fine(picture: NDArray[np.number]) -> Floats:
    """The picture (h, w) for `similarity`, (FINE, FINE)."""
    return detail(picture, FINE, sigma=4)


def candidates(pictures: Floats) -> list[tuple[int, int]]:
    """The pairs a < b of `pictures` (n, COARSE, COARSE) whose correlation reaches CANDIDATE.

    The correlation is the largest over all shifts of up to 4 pixels. Every pair is compared: the time
    grows with n^2. The memory is that of two tiles of 1024 pictures and of their products.
    """
    starts = range(0, len(pictures), _TILE)
    tiles = [(a, b) for a in starts for b in starts if a <= b]
    found = []
    for a, b in tqdm(tiles, desc="compare", unit="tile"):
        best = correlations(pictures[a : a + _TILE], pictures[b : b + _TILE])
        found += [(a + i, b + j) for i, j in np.argwhere(best >= CANDIDATE).tolist() if a + i < b + j]
    return sorted(found)


def correlations(left: Floats, right: Floats) -> Floats:
    """The largest correlations over shifts, (m, k), of `left` (m, s, s) with `right` (k, s, s)."""
    best = np.full((len(left), len(right)), -1, dtype=np.float32)
    for here, there in _overlaps(left.shape[1]):
        np.maximum(best, _unit(left[:, *here]) @ _unit(right[:, *there]).T, out=best)
    return best


def _overlaps(side: int) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """For each shift, the parts of two pictures that lie on each other."""
    for y in range(-_SHIFT, _SHIFT + 1):
        for x in range(-_SHIFT, _SHIFT + 1):
            here = slice(max(y, 0), side + min(y, 0)), slice(max(x, 0), side + min(x, 0))
            there = slice(max(-y, 0), side + min(-y, 0)), slice(max(-x, 0), side + min(-x, 0))
            yield here, there


def _unit(parts: Floats) -> Floats:
    """The parts (n, h, w) as rows (n, h w) of mean 0 and length 1; a flat part is 0."""
    rows = parts.reshape(len(parts), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-3)
    return unit


def similarity(a: Floats, b: Floats) -> float:
    """How alike two pictures (FINE, FINE) are, -1 to 1; 1 for the same picture, whichever comes first.

    One picture is cut into 4 x 4 blocks. Each block is correlated with its place in the other picture
    after a common shift and stretch; a block may lie one pixel beside it. The similarity is the mean
    correlation of the blocks for the best shift (up to 19 % of the side) and stretch (up to 15 %).
    """
    return (_similarity(a, b) + _similarity(b, a)) / 2


def _similarity(a: Floats, b: Floats) -> float:
    width = 2 * _REACH + 1
    padded = np.pad(b, _REACH)
    products = np.empty((_GRID, _GRID, width, width), dtype=np.float32)
    energies = np.empty_like(products)
    squares = _sums(padded**2)
    for i, j in np.ndindex(_GRID, _GRID):
        y, x = i * _BLOCK, j * _BLOCK
        around = padded[y : y + _BLOCK + 2 * _REACH, x : x + _BLOCK + 2 * _REACH]
        block = a[y : y + _BLOCK, x : x + _BLOCK]
        products[i, j] = np.tensordot(sliding_window_view(around, block.shape), block, axes=2)
        energies[i, j] = np.maximum(squares[y : y + width, x : x + width], _FLOOR)
        energies[i, j] *= max(float((block**2).sum()), _FLOOR)
    correlation = np.where(_inside(), products / np.sqrt(energies), 0)
    beside = maximum_filter(correlation, (1, 1, 3, 3))
    return float(beside.ravel()[_places()].mean(axis=1).max())


def _sums(values: Floats) -> Floats:
    """The sums of `values` over every square of the size of a block."""
    total = np.pad(values.astype(np.float64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    n = _BLOCK
    sums: Floats = total[n:, n:] - total[:-n, n:] - total[n:, :-n] + total[:-n, :-n]
    return sums


@cache
def _inside() -> NDArray[np.bool_]:
    """Whether half of each block lies inside the other picture: (grid, grid, y, x)."""
    width, area = 2 * _REACH + 1, _sums(np.pad(np.ones((FINE, FINE), np.float32), _REACH))
    blocks = sliding_window_view(area, (width, width))[::_BLOCK, ::_BLOCK]
    inside: NDArray[np.bool_] = blocks >= _BLOCK**2 / 2
    return inside


@cache
def _places() -> NDArray[np.int64]:
    """For each common shift and stretch, the flat positions of the blocks' correlations, (m, blocks)."""
    width, centres = 2 * _REACH + 1, (np.arange(_GRID) - (_GRID - 1) / 2) * _BLOCK
    shifts = np.arange(1 - _REACH, _REACH)
    moves = np.rint(shifts[:, None, None] + _STRETCHES[:, None] * centres).reshape(-1, _GRID)
    moves = moves[(abs(moves) <= _REACH).all(axis=1)].astype(np.int64) + _REACH
    moves = np.unique(moves, axis=0)
    blocks = np.arange(_GRID**2).reshape(_GRID, _GRID)
    y, x = moves[:, None, :, None], moves[None, :, None, :]
    places: NDArray[np.int64] = ((blocks * width + y) * width + x).reshape(-1, _GRID**2)
    return places
