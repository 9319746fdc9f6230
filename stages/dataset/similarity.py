"""How alike two pictures are, without a network: whether they show the same shot, or half of it.

The comparison ignores brightness, contrast and slow shading. It allows the shifts and the stretches of
two crops of one photograph, or of a camera that hardly moved.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, maximum_filter
from tqdm import tqdm

Floats = NDArray[np.float32]
Part = tuple[slice, slice]

COARSE, FINE = 16, 64  # pixels: the side of the picture for all pairs, and for the candidates
CANDIDATE = 0.43  # the coarse similarity of a candidate: one of 1,000 pairs of 15 Scene
SHARE = 0.5  # of the picture that two crops have in common, at least
_TILE = 1024  # images on either side of the products that are computed at once
_GRID = 4  # blocks of the fine picture along each side
_BLOCK = FINE // _GRID
_REACH = 8  # pixels, of FINE: how far a block may lie from where the coarse shift has it
_WIDTH = 2 * _REACH + 1
_STRETCHES = np.linspace(-0.15, 0.15, 7)
_MARGIN = FINE // 2 + _BLOCK + _REACH
_FLOOR = 0.01 * _BLOCK**2  # of a block's energy: less is noise


class Candidate(NamedTuple):
    """Two rows, a < b, and the coarse shift: pixel (i, j) of b lies on pixel (i + y, j + x) of a."""

    a: int
    b: int
    y: int
    x: int


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


def candidates(pictures: Floats) -> list[Candidate]:
    """The pairs of `pictures` (n, COARSE, COARSE) whose coarse similarity reaches CANDIDATE.

    Every pair is compared: the time grows with n^2. The memory is that of two tiles of 1,024 pictures,
    of their products, and of the candidates.
    """
    starts = range(0, len(pictures), _TILE)
    found = []
    for a, b in tqdm(
        [(a, b) for a in starts for b in starts if a <= b], desc="find_duplicates: compare", unit="tile"
    ):
        left, right = pictures[a : a + _TILE], pictures[b : b + _TILE]
        pairs = np.argwhere(correlations(left, right) >= CANDIDATE)
        pairs = pairs[a + pairs[:, 0] < b + pairs[:, 1]]
        for part in np.split(pairs, range(_TILE, len(pairs), _TILE)):
            moves = shifts(left[part[:, 0]], right[part[:, 1]])
            rows = np.hstack([np.add(part, (a, b)), moves])
            found += [Candidate(*row) for row in rows.tolist()]
    return sorted(found)


def correlations(left: Floats, right: Floats) -> Floats:
    """The coarse similarity (m, k) of `left` (m, s, s) and `right` (k, s, s), at most 1.

    It is the largest correlation of the overlap times the root of its share, over all shifts of which at
    least SHARE overlaps. The root makes up for chance, which is greater where less is compared.
    """
    best = np.full((len(left), len(right)), -1, dtype=np.float32)
    for _, root, here, there in _overlaps(left.shape[1]):
        np.maximum(best, (root * _unit(left[:, *here])) @ _unit(right[:, *there]).T, out=best)
    return best


def shifts(left: Floats, right: Floats) -> NDArray[np.int64]:
    """The shifts (m, 2) at which `left` (m, s, s) and `right` (m, s, s) are most alike, pair by pair."""
    best, at = np.full(len(left), -np.inf), np.zeros((len(left), 2), dtype=np.int64)
    for shift, root, here, there in _overlaps(left.shape[1]):
        found = root * np.einsum("ij,ij->i", _unit(left[:, *here]), _unit(right[:, *there]))
        at[found > best] = shift
        best = np.maximum(best, found)
    return at


def _overlaps(side: int) -> Iterator[tuple[tuple[int, int], np.float32, Part, Part]]:
    """Each shift, the root of the share that overlaps, and the parts of both that lie on each other."""
    for y, x in np.ndindex(2 * side - 1, 2 * side - 1):
        y, x = y - side + 1, x - side + 1
        share = (1 - abs(y) / side) * (1 - abs(x) / side)
        if share >= SHARE:
            here = slice(max(y, 0), side + min(y, 0)), slice(max(x, 0), side + min(x, 0))
            there = slice(max(-y, 0), side + min(-y, 0)), slice(max(-x, 0), side + min(-x, 0))
            yield (y, x), np.float32(share**0.5), here, there


def _unit(parts: Floats) -> Floats:
    """The parts (n, h, w) as rows (n, h w) of mean 0 and length 1; a flat part is 0."""
    rows = parts.reshape(len(parts), parts.shape[1] * parts.shape[2])
    rows = rows - rows.mean(axis=1, keepdims=True)
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-3)
    return unit


def similarity(a: Floats, b: Floats, y: int = 0, x: int = 0) -> float:
    """How alike two pictures (FINE, FINE) are near the coarse shift (y, x) of `Candidate`; at most 1.

    One picture is cut into 4 x 4 blocks. Each block is correlated with its place in the other picture
    after a common shift and stretch (up to 15 %); a block may lie one pixel beside it. The similarity is
    the mean correlation of the blocks that overlap times the root of their share, for the best shift and
    stretch; 0 if less than SHARE overlaps. It is the mean of both directions: 1
    for the same picture, less if some of its blocks are flat.
    """
    down, right = round(y * FINE / COARSE), round(x * FINE / COARSE)
    return (_similarity(a, b, -down, -right) + _similarity(b, a, down, right)) / 2


def _similarity(a: Floats, b: Floats, down: int, right: int) -> float:
    padded = np.pad(b, _MARGIN)
    squares = _sums(padded**2)
    products = np.empty((_GRID, _GRID, _WIDTH, _WIDTH), dtype=np.float32)
    energies, inside = np.empty_like(products), np.empty_like(products, dtype=np.bool_)
    for i, j in np.ndindex(_GRID, _GRID):
        block = a[i * _BLOCK : (i + 1) * _BLOCK, j * _BLOCK : (j + 1) * _BLOCK]
        y, x = (_MARGIN - _REACH + k * _BLOCK + shift for k, shift in ((i, down), (j, right)))
        around = padded[y : y + _BLOCK + 2 * _REACH, x : x + _BLOCK + 2 * _REACH]
        products[i, j] = np.tensordot(sliding_window_view(around, block.shape), block, axes=2)
        energies[i, j] = np.maximum(squares[y : y + _WIDTH, x : x + _WIDTH], _FLOOR)
        energies[i, j] *= max(float((block**2).sum()), _FLOOR)
        inside[i, j] = _inside()[y : y + _WIDTH, x : x + _WIDTH]
    beside = maximum_filter(np.where(inside, products / np.sqrt(energies), 0), (1, 1, 3, 3))
    sums = np.where(inside, beside, 0).ravel()[_places()].sum(axis=1)
    counts = inside.ravel()[_places()].sum(axis=1)
    enough = counts >= SHARE * _GRID**2
    return float(np.max(sums[enough] / np.sqrt(counts[enough] * _GRID**2), initial=0))


def _sums(values: Floats) -> Floats:
    """The sums of `values` over every square of the size of a block."""
    total = np.pad(values.astype(np.float64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    n = _BLOCK
    sums: Floats = total[n:, n:] - total[:-n, n:] - total[n:, :-n] + total[:-n, :-n]
    return sums


@cache
def _inside() -> NDArray[np.bool_]:
    """Whether at least half of a block at each place of the padded picture lies inside the picture."""
    inside: NDArray[np.bool_] = (
        _sums(np.pad(np.ones((FINE, FINE), np.float32), _MARGIN)) >= _BLOCK**2 / 2
    )
    return inside


@cache
def _places() -> NDArray[np.int64]:
    """For each common shift and stretch, the flat positions of the blocks' correlations, (m, blocks)."""
    centres = (np.arange(_GRID) - (_GRID - 1) / 2) * _BLOCK
    moves = np.rint(np.arange(-_REACH, _REACH + 1)[:, None, None] + _STRETCHES[:, None] * centres)
    moves = moves.reshape(-1, _GRID).astype(np.int64)
    moves = np.unique(moves[(abs(moves) <= _REACH).all(axis=1)], axis=0) + _REACH
    blocks = np.arange(_GRID**2).reshape(_GRID, _GRID)
    y, x = moves[:, None, :, None], moves[None, :, None, :]
    places: NDArray[np.int64] = ((blocks * _WIDTH + y) * _WIDTH + x).reshape(-1, _GRID**2)
    return places
