"""Random splits into training and test rows, on request without duplicates across a split.

The protocol of the 15 Scene literature: several splits, each with the same number of training images
per class and all others for testing (Lazebnik, Schmid and Ponce 2006, "Beyond bags of features", CVPR).
"""

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
    """Draw `train_per_class` training rows of each class; return their mask (n,).

    Groups are drawn in random order. A group becomes training rows if every class of its images still
    needs that many. If each row is its own group, this is sampling without replacement.

    Parameters
    ----------
    keys : (label, file) of the n rows
    groups : the group number of each row, (n,); a group is not divided by the split
    seed : for `numpy.random.default_rng`

    Raises
    ------
    StageError
        naming the classes, if a class has too few images or its groups do not add up to the number.
    """
    labels = [label for label, _ in keys]
    _refuse_small(labels, train_per_class)
    members: dict[int, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(row)
    train, missing = np.zeros(len(keys), dtype=np.bool_), dict.fromkeys(labels, train_per_class)
    order = np.random.default_rng(seed).permutation(sorted(members)).tolist()
    for group in order:
        counts = Counter(labels[row] for row in members[group])
        if all(count <= missing[label] for label, count in counts.items()):
            train[members[group]] = True
            for label, count in counts.items():
                missing[label] -= count
    _refuse_unfilled(missing, train_per_class)
    return train


def digest(masks: NDArray[np.bool_]) -> str:
    """The first 16 hexadecimal digits of a sha256 of the masks (s, n), or of one mask (n,)."""
    return hashlib.sha256(np.packbits(masks, axis=-1).tobytes()).hexdigest()[:16]


def write(path: Path, masks: NDArray[np.bool_]) -> None:
    """Write splits (s, n) as csv: the row, then train or test for each split 1 to s."""
    sides = np.where(masks.T, "train", "test").tolist()
    files.write_csv(
        path,
        ["row", *range(1, len(masks) + 1)],
        ([row, *line] for row, line in enumerate(sides)),
    )


def read(path: Path) -> NDArray[np.bool_]:
    """The masks (s, n) of the training rows."""
    lines = [list(line.values())[1:] for line in files.read_csv(path)]
    return np.array([[side == "train" for side in line] for line in lines], dtype=np.bool_).T


def _refuse_small(labels: Sequence[str], train_per_class: int) -> None:
    small = {label: n for label, n in sorted(Counter(labels).items()) if n <= train_per_class}
    if small:
        raise StageError(
            expected=f"at least {train_per_class + 1} images of each class "
            f"({train_per_class} to train, 1 to test)",
            found=", ".join(f"{count} of {label}" for label, count in small.items()),
            cause="splits.train_per_class is too large for this data set",
            do="lower splits.train_per_class in params.yaml, or add images",
        )


def _refuse_unfilled(missing: dict[str, int], train_per_class: int) -> None:
    unfilled = {label: count for label, count in sorted(missing.items()) if count}
    if unfilled:
        raise StageError(
            expected=f"{train_per_class} training images of each class with duplicates kept together",
            found=", ".join(f"{train_per_class - n} of {label}" for label, n in unfilled.items()),
            cause="groups of duplicates that are too large to add up to this number",
            do="set splits.group_duplicates: false or lower splits.train_per_class in params.yaml",
        )
