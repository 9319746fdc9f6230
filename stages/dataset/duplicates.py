"""Duplicates: two images that are the same file, or nearly the same picture.

A test image with a duplicate in the training set tests memory. Duplicates with two labels cannot both be
classified correctly.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from stages.dataset.index import Key
from stages.dataset.pixels import Pixels
from stages.runtime import files

SIDE = 16  # of the hash: 256 bits tell near duplicates from pictures that are merely alike; 64 do not
BITS = SIDE * SIDE
_BLOCK = 1024  # rows whose distances are computed at once


@dataclass(frozen=True)
class Pair:
    """Two rows, `a` before `b`, that show one picture: `exact` (the same bytes) or near.

    `distance` is the number of bits, of 256, in which their perceptual hashes differ.
    """

    a: int
    b: int
    exact: bool
    distance: int


def find(folder: Path, pixels: Pixels, distance: int) -> list[Pair]:
    """All pairs of rows whose files are equal or whose hashes differ in at most `distance` bits.

    Parameters
    ----------
    folder : holds <label>/<file> for each row
    pixels : the n images, decoded
    distance : 0 to 256
    """
    same = equal_files([folder / label / file for label, file in pixels.keys])
    rows = tqdm(range(len(pixels.keys)), unit="image")
    hashes = np.array([perceptual_hash(pixels[row : row + 1][0]) for row in rows])
    near = within(hashes, distance)  # equal files have equal hashes
    return [Pair(a, b, (a, b) in same, bits) for (a, b), bits in sorted(near.items())]


def equal_files(paths: Sequence[Path]) -> set[tuple[int, int]]:
    """The pairs of positions at which files have the same bytes."""
    rows = defaultdict(list)
    for row, path in enumerate(paths):
        rows[hashlib.sha256(path.read_bytes()).digest()].append(row)
    return {pair for some in rows.values() for pair in combinations(some, 2)}


def perceptual_hash(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The hash (256,) of an image (c, s, s): which low frequencies are stronger than their median.

    From the cosine transform of the picture made small (Zauner 2010, "Implementation and benchmarking
    of perceptual image hash functions", as the library imagehash has it).
    """
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    return np.asarray(imagehash.phash(image, hash_size=SIDE).hash, dtype=np.bool_).ravel()


def within(hashes: NDArray[np.bool_], distance: int) -> dict[tuple[int, int], int]:
    """The pairs of rows of `hashes` (n, bits) that differ in at most `distance` bits, and the number."""
    signs = np.where(hashes, np.float32(1), np.float32(-1))
    found = {}
    for start in range(0, len(signs), _BLOCK):
        products = signs[start : start + _BLOCK] @ signs.T  # bits that agree less those that do not
        bits = ((signs.shape[1] - products) / 2).round().astype(np.int64)
        for a, b in np.argwhere(bits <= distance).tolist():
            if start + a < b:
                found[start + a, b] = int(bits[a, b])
    return found


def groups(n: int, pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """The number of the group of each of n rows, (n,): duplicates of duplicates share a group."""
    a, b = [pair.a for pair in pairs], [pair.b for pair in pairs]
    links = coo_array((np.ones(len(pairs)), (a, b)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def seen_in_training(pairs: Sequence[Pair], train: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether each row (n,) is a test row with a duplicate among the training rows `train` (n,)."""
    seen = np.zeros(len(train), dtype=np.bool_)
    for pair in pairs:
        seen[pair.a] |= train[pair.b]
        seen[pair.b] |= train[pair.a]
    return seen & ~train


def write(path: Path, pairs: Sequence[Pair]) -> None:
    """Write pairs of rows as csv."""
    files.write_csv(
        path,
        ["row", "duplicate", "kind", "distance"],
        ([p.a, p.b, "exact" if p.exact else "near", p.distance] for p in pairs),
    )


def write_table(
    path: Path, pairs: Sequence[Pair], keys: Sequence[Key], train: NDArray[np.bool_]
) -> None:
    """Write pairs as csv to be read by people, with label, file and split of both images."""
    sides = np.where(train, "train", "test").tolist()
    lines = (
        ["exact" if p.exact else "near", p.distance]
        + [value for row in (p.a, p.b) for value in (row, *keys[row], sides[row])]
        for p in pairs
    )
    image = ("row", "label", "file", "split")
    columns = ["kind", "distance", *image, *(f"duplicate_{name}" for name in image)]
    files.write_csv(path, columns, lines)


def read(path: Path) -> list[Pair]:
    """Read what `write` wrote."""
    return [
        Pair(int(line["row"]), int(line["duplicate"]), line["kind"] == "exact", int(line["distance"]))
        for line in files.read_csv(path)
    ]
