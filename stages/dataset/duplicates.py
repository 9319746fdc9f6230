"""Duplicates: images with the same bytes, or with nearly the same picture.

On a test image with a duplicate in the training set, memory is enough. Of two duplicates with different
labels, a classifier gets at most one right.
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

SIDE = 16  # of the hash: 256 bits separate near duplicates from similar pictures; 64 bits do not
BITS = SIDE * SIDE
_BLOCK = 1024  # rows whose distances are computed at once


@dataclass(frozen=True)
class Pair:
    """Two rows, a < b, that show one picture: `exact` (the same bytes) or near.

    `distance` is the number of the 256 bits in which the perceptual hashes differ.
    """

    a: int
    b: int
    exact: bool
    distance: int


def find(folder: Path, pixels: Pixels, distance: int) -> list[Pair]:
    """The pairs of rows of `pixels` whose hashes differ in at most `distance` (0 to 256) bits.

    `folder` holds <label>/<file> for each row.
    """
    same = equal_files([folder / label / file for label, file in pixels.keys])
    rows = tqdm(range(len(pixels.keys)), unit="image")
    hashes = np.array([perceptual_hash(pixels[row : row + 1][0]) for row in rows])
    near = within(hashes, distance)  # equal files have equal hashes
    return [Pair(a, b, (a, b) in same, bits) for (a, b), bits in sorted(near.items())]


def equal_files(paths: Sequence[Path]) -> set[tuple[int, int]]:
    """The pairs of positions in `paths` whose files have the same bytes."""
    rows = defaultdict(list)
    for row, path in enumerate(paths):
        rows[hashlib.sha256(path.read_bytes()).digest()].append(row)
    return {pair for equal in rows.values() for pair in combinations(equal, 2)}


def perceptual_hash(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The hash (256,) of an image (c, s, s): which low frequencies are above their median.

    The frequencies are those of the cosine transform of the shrunk image (Zauner 2010, "Implementation
    and benchmarking of perceptual image hash functions"; the library imagehash computes it).
    """
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    return np.asarray(imagehash.phash(image, hash_size=SIDE).hash, dtype=np.bool_).ravel()


def within(hashes: NDArray[np.bool_], distance: int) -> dict[tuple[int, int], int]:
    """The pairs of rows of `hashes` (n, bits) within `distance` bits, each with its distance in bits."""
    signs = np.where(hashes, np.float32(1), np.float32(-1))
    pairs = {}
    for start in range(0, len(signs), _BLOCK):
        products = signs[start : start + _BLOCK] @ signs.T  # equal bits minus different bits
        bits = ((signs.shape[1] - products) / 2).round().astype(np.int64)
        for a, b in np.argwhere(bits <= distance).tolist():
            if start + a < b:
                pairs[start + a, b] = int(bits[a, b])
    return pairs


def groups(n: int, pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """The group number of each row, (n,): the connected components of the graph of `pairs`."""
    a, b = [pair.a for pair in pairs], [pair.b for pair in pairs]
    links = coo_array((np.ones(len(pairs)), (a, b)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def seen_in_training(pairs: Sequence[Pair], train: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask (n,) of test rows that have a duplicate in the mask `train` (n,) of training rows."""
    seen = np.zeros(len(train), dtype=np.bool_)
    for pair in pairs:
        seen[pair.a] |= train[pair.b]
        seen[pair.b] |= train[pair.a]
    return seen & ~train


def write(path: Path, pairs: Sequence[Pair]) -> None:
    files.write_csv(
        path,
        ["row", "duplicate", "kind", "distance"],
        ([p.a, p.b, "exact" if p.exact else "near", p.distance] for p in pairs),
    )


def write_table(
    path: Path, pairs: Sequence[Pair], keys: Sequence[Key], train: NDArray[np.bool_]
) -> None:
    """Write a csv file for people: each pair with label, file and split of both images."""
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
    return [
        Pair(int(line["row"]), int(line["duplicate"]), line["kind"] == "exact", int(line["distance"]))
        for line in files.read_csv(path)
    ]
