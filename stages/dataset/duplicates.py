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

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm import tqdm

from stages.dataset.index import Key, Split
from stages.dataset.pixels import Pixels
from stages.dataset.similarity import candidates, coarse, fine, similarity
from stages.runtime import files


@dataclass(frozen=True)
class Pair:
    """Two rows, a < b, that show one picture: `exact` (the same bytes) or near.

    `similarity`, rounded to 4 decimals, is that of `dataset.similarity`, -1 to 1; 1 for equal files.
    """

    a: int
    b: int
    exact: bool
    similarity: float


def find(folder: Path, pixels: Pixels, least: float) -> list[Pair]:
    """The pairs of rows of `pixels` with equal files or with a similarity of `least` (0.4 to 1) or more.

    `folder` holds <label>/<file> for each row. The time grows with the square of the number of images;
    the memory is 17 KiB for each image, and that of `candidates`.
    """
    same = equal_files([folder / label / file for label, file in pixels.keys])
    found = dict.fromkeys(same, 1.0)
    small, large = [], []
    for row in tqdm(range(len(pixels.keys)), desc="find_duplicates: shrink", unit="image"):
        grey = pixels[row : row + 1][0].mean(axis=0)
        small.append(coarse(grey))
        large.append(fine(grey))
    for a, b, *shift in tqdm(candidates(np.array(small)), desc="find_duplicates: confirm", unit="pair"):
        alike = round(similarity(large[a], large[b], *shift), 4)
        if alike >= least:
            found.setdefault((a, b), alike)
    return [Pair(a, b, (a, b) in same, alike) for (a, b), alike in sorted(found.items())]


def equal_files(paths: Sequence[Path]) -> set[tuple[int, int]]:
    """The pairs of positions in `paths` whose files have the same bytes."""
    rows = defaultdict(list)
    for row, path in enumerate(paths):
        rows[hashlib.sha256(path.read_bytes()).digest()].append(row)
    return {pair for equal in rows.values() for pair in combinations(equal, 2)}


def groups(n: int, pairs: Sequence[Pair]) -> NDArray[np.int64]:
    """The group number of each row, (n,): the connected components of the graph of `pairs`."""
    a, b = [pair.a for pair in pairs], [pair.b for pair in pairs]
    links = coo_array((np.ones(len(pairs)), (a, b)), shape=(n, n))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def seen_in_training(pairs: Sequence[Pair], split: Split) -> NDArray[np.bool_]:
    """The mask (n,) of the test rows of `split` that have a duplicate among its training rows."""
    seen = np.zeros_like(split.test)
    for pair in pairs:
        seen[pair.a] |= split.train[pair.b]
        seen[pair.b] |= split.train[pair.a]
    return seen & split.test


def write(path: Path, pairs: Sequence[Pair]) -> None:
    files.write_csv(
        path,
        ["row", "duplicate", "kind", "similarity"],
        ([p.a, p.b, *_cells(p)] for p in pairs),
    )


def write_table(path: Path, pairs: Sequence[Pair], keys: Sequence[Key], split: Split) -> None:
    """Write a csv file for people: each pair with label, file and split of both images."""
    sides = split.sides
    lines = (
        [*_cells(p), *(value for row in (p.a, p.b) for value in (row, *keys[row], sides[row]))]
        for p in pairs
    )
    image = ("row", "label", "file", "split")
    columns = ["kind", "similarity", *image, *(f"duplicate_{name}" for name in image)]
    files.write_csv(path, columns, lines)


def _cells(pair: Pair) -> list[str]:
    return ["exact" if pair.exact else "near", f"{pair.similarity:.4f}"]


def read(path: Path) -> list[Pair]:
    return [
        Pair(
            int(line["row"]), int(line["duplicate"]), line["kind"] == "exact", float(line["similarity"])
        )
        for line in files.read_csv(path)
    ]
