"""Splits into training and test rows: random ones are drawn, on request without dividing duplicates.

The protocol of the 15 Scene literature: several splits, each with the same number of training images
per class and all others for testing (Lazebnik, Schmid and Ponce 2006, "Beyond bags of features", CVPR).
"""

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.dataset.index import SIDES, Key, Split
from stages.runtime import files
from stages.runtime.errors import StageError, listed


def draw(
    keys: Sequence[Key],
    groups: NDArray[np.int64],
    *,
    train_per_class: float,
    test_per_class: int | str = "all",
    seed: Sequence[int],
) -> Split:
    """Draw the training rows of each class and then its test rows.

    Groups are drawn in random order. A group becomes training rows if every class of its images still
    needs that many. If each row is its own group, this is sampling without replacement.

    Parameters
    ----------
    keys : (label, file) of the n rows
    groups : the group number of each row, (n,); no group both trains and tests
    train_per_class : a number of images, or below 1 the share of each class (rounded; 1 or more train
        and 1 or more are left)
    test_per_class : a number of images, or `all` that do not train
    seed : for `numpy.random.default_rng`

    Raises
    ------
    StageError
        naming the classes, if a class has too few images or its groups do not add up to the number.
    """
    labels = [label for label, _ in keys]
    wanted = _training_counts(labels, train_per_class)
    _refuse_small(labels, wanted, train_per_class, test_per_class)
    members: dict[int, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(row)
    train, missing = np.zeros(len(keys), dtype=np.bool_), dict(wanted)
    order = np.random.default_rng(seed).permutation(sorted(members)).tolist()
    for group in order:
        counts = Counter(labels[row] for row in members[group])
        if all(count <= missing[label] for label, count in counts.items()):
            train[members[group]] = True
            for label, count in counts.items():
                missing[label] -= count
    _refuse_unfilled(missing, wanted, train_per_class)
    if test_per_class == "all":
        return Split.complete(train)
    others = [row for group in order for row in members[group] if not train[row]]
    return Split(train, _first_of_class(labels, others, int(test_per_class)))


def refuse_empty(keys: Sequence[Key], split: Split, name: str, *, headline: bool) -> None:
    """Raise `StageError` unless every class trains in `split`, which is called `name`, and rows test.

    In the headline split every class must test.
    """
    labels = np.array([label for label, _ in keys])
    classes = set(labels.tolist())
    lacking = {side: sorted(classes - set(labels[getattr(split, side)].tolist())) for side in SIDES}
    if not headline and lacking["test"] != sorted(classes):
        lacking["test"] = []
    for side, absent in lacking.items():
        if absent:
            raise StageError(
                expected=f"images of each of the {len(classes)} classes that {side} in {name}",
                found=f"none of {listed(absent)}",
                cause="an incomplete split, or a class too many among the images",
                do=f"let images of each class {side}, or remove the classes from the images",
            )


def digest(splits: Iterable[Split]) -> str:
    """The first 16 hexadecimal digits of a sha256 of the splits.

    The test rows are added where a row is on neither side: complete splits keep the digests that they
    had before there were such rows.
    """
    sha256 = hashlib.sha256()
    masks = list(splits)
    for split in masks:
        sha256.update(np.packbits(split.train).tobytes())
    for number, split in enumerate(masks):
        if not split.is_complete:
            sha256.update(number.to_bytes(4) + np.packbits(split.test).tobytes())
    return sha256.hexdigest()[:16]


def mean_sizes(splits: Sequence[Split]) -> dict[str, float]:
    """The mean numbers of training and of test rows, `n_train` and `n_test`."""
    sizes = {side: [getattr(split, side).sum() for split in splits] for side in SIDES}
    return {f"n_{side}": float(np.mean(counts)) for side, counts in sizes.items()}


def write(path: Path, splits: Sequence[Split]) -> None:
    """Write splits as csv: the row, then train, test or none for each split 1 to s."""
    sides = zip(*(split.sides for split in splits), strict=True)
    columns = ["row", *map(str, range(1, len(splits) + 1))]
    files.write_csv(path, columns, ([row, *line] for row, line in enumerate(sides)))


def read(path: Path) -> list[Split]:
    """The s splits."""
    lines = [list(line.values())[1:] for line in files.read_csv(path)]
    return [Split.parse(sides) for sides in zip(*lines, strict=True)]


def _training_counts(labels: Sequence[str], train_per_class: float) -> dict[str, int]:
    if train_per_class >= 1:
        return dict.fromkeys(labels, int(train_per_class))
    sizes = Counter(labels).items()
    return {label: max(1, min(math.floor(train_per_class * n + 0.5), n - 1)) for label, n in sizes}


def _first_of_class(labels: Sequence[str], rows: Iterable[int], count: int) -> NDArray[np.bool_]:
    """The mask (n,) of the first `count` of `rows` of each class."""
    mask, taken = np.zeros(len(labels), dtype=np.bool_), Counter[str]()
    for row in rows:
        mask[row] = taken[labels[row]] < count
        taken[labels[row]] += 1
    return mask


def _refuse_small(
    labels: Sequence[str], wanted: Mapping[str, int], train_per_class: float, test_per_class: int | str
) -> None:
    tested = 1 if test_per_class == "all" else int(test_per_class)
    sizes = sorted(Counter(labels).items())
    small = [f"{n} of {label}" for label, n in sizes if n < wanted[label] + tested]
    if not small:
        return
    if train_per_class >= 1:
        least = f"{int(train_per_class) + tested} images of each class ({train_per_class} to train, "
        ways = ["lower splits.train_per_class in params.yaml, or make it a share such as 0.5"]
    else:
        least = f"{1 + tested} images of each class (the share {train_per_class} to train, "
        ways = []
    if tested > 1:
        ways.append("lower splits.test_per_class in params.yaml, or make it all")
    raise StageError(
        expected=f"at least {least}{tested} to test)",
        found=listed(small),
        cause="splits in params.yaml asks for more images than these classes have",
        do="; or ".join([*ways, "add images; or remove these classes"]),
    )


def _refuse_unfilled(
    missing: Mapping[str, int], wanted: Mapping[str, int], train_per_class: float
) -> None:
    unfilled = [
        f"{wanted[label] - count} of {label}" for label, count in sorted(missing.items()) if count
    ]
    if unfilled:
        number = f"{train_per_class} training images" if train_per_class >= 1 else "the training images"
        raise StageError(
            expected=f"{number} of each class with duplicates kept together",
            found=listed(unfilled),
            cause="groups of duplicates that are too large to add up to this number",
            do="set splits.group_duplicates: false or lower splits.train_per_class in params.yaml",
        )
