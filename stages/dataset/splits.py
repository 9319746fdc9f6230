"""Which rows train: random splits, which keep duplicates on one side if asked to.

The protocol of the 15 Scene literature: the same number of training images of each class, all others
for testing, several times over (Lazebnik, Schmid and Ponce 2006, "Beyond bags of features", CVPR).
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.dataset.index import Key
from stages.runtime import files
from stages.runtime.errors import StageError


def draw(
    keys: Sequence[Key], groups: NDArray[np.int64], *, train_per_class: int, seed: Sequence[int]
) -> NDArray[np.bool_]:
    """Draw `train_per_class` training rows of each class; the rest is for testing.

    Groups are taken in random order, whole and wherever there is still room in every class that they
    have images of. Where each row is a group of its own, that is drawing without replacement.

    Parameters
    ----------
    keys : (label, file) of the n rows
    groups : the number of each row's group, (n,): rows of one group end up on the same side
    train_per_class : how many
    seed : what `numpy.random.default_rng` takes

    Returns
    -------
    A mask of the training rows, (n,).

    Raises
    ------
    StageError
        naming the classes that have too few images, or groups too large to be divided so.
    """
    labels = [label for label, _ in keys]
    _refuse_small(labels, train_per_class)
    members: dict[int, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(row)
    train, room = np.zeros(len(keys), dtype=np.bool_), dict.fromkeys(labels, train_per_class)
    order = np.random.default_rng(seed).permutation(sorted(members)).tolist()
    for group in order:
        wanted = Counter(labels[row] for row in members[group])
        if all(count <= room[label] for label, count in wanted.items()):
            train[members[group]] = True
            for label, count in wanted.items():
                room[label] -= count
    _refuse_unfilled(room, train_per_class)
    return train


def digest(masks: NDArray[np.bool_]) -> str:
    """A short fingerprint of splits (s, n), or of one (n,)."""
    return hashlib.sha256(np.packbits(masks, axis=-1).tobytes()).hexdigest()[:16]


def write(path: Path, masks: NDArray[np.bool_]) -> None:
    """Write splits (s, n) as csv: row, then train or test in each of the splits 1 to s."""
    sides = np.where(masks.T, "train", "test").tolist()
    files.write_csv(
        path,
        ["row", *range(1, len(masks) + 1)],
        ([row, *line] for row, line in enumerate(sides)),
    )


def read(path: Path) -> NDArray[np.bool_]:
    """Read what `write` wrote: (s, n)."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))[1:]
    return np.array([[side == "train" for side in line[1:]] for line in lines], dtype=np.bool_).T


def _refuse_small(labels: Sequence[str], train_per_class: int) -> None:
    few = {label: n for label, n in sorted(Counter(labels).items()) if n <= train_per_class}
    if few:
        raise StageError(
            expected=f"at least {train_per_class + 1} images of each class "
            f"({train_per_class} to train, 1 to test)",
            found=", ".join(f"{count} of {label}" for label, count in few.items()),
            cause="splits.train_per_class is too large for this data set",
            do="lower splits.train_per_class in params.yaml, or add images",
        )


def _refuse_unfilled(room: dict[str, int], train_per_class: int) -> None:
    short = {label: left for label, left in sorted(room.items()) if left}
    if short:
        raise StageError(
            expected=f"{train_per_class} training images of each class with duplicates kept together",
            found=", ".join(f"{train_per_class - left} of {label}" for label, left in short.items()),
            cause="groups of duplicates too large to be divided so",
            do="set splits.group_duplicates: false or lower splits.train_per_class in params.yaml",
        )
