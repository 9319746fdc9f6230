"""The index: row i of every file is the image in line i of the index.

The stage `decode` lists the images once, sorted by (label, file). Files of features and kernels carry
the digest of that order; a stage that reads them compares it with the index.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stages.runtime import files

Key = tuple[str, str]  # label, file
SIDES = ("train", "test")


@dataclass(frozen=True)
class Split:
    """The masks (n,) of the rows that `train` and of those that `test`; a row may do neither."""

    train: NDArray[np.bool_]
    test: NDArray[np.bool_]

    @classmethod
    def complete(cls, train: NDArray[np.bool_]) -> Self:
        """The split whose rows outside `train` (n,) all test."""
        return cls(train, ~train)

    @classmethod
    def parse(cls, sides: Sequence[str]) -> Self:
        """The split of the n `sides`: train, test, or anything else for neither."""
        return cls(*(np.array([side == one for side in sides], dtype=np.bool_) for one in SIDES))

    @property
    def is_complete(self) -> bool:
        """Whether each row trains or tests."""
        return bool((self.train | self.test).all())

    @property
    def sides(self) -> list[str]:
        """The side of each row: train, test or none."""
        sides = np.where(self.train, "train", np.where(self.test, "test", "none"))
        return [str(side) for side in sides]


@dataclass(frozen=True)
class Index:
    """The images in row order: `keys` (n of them, ascending) and their headline split."""

    keys: list[Key]
    split: Split

    @property
    def train(self) -> NDArray[np.bool_]:
        """The mask (n,) of the training rows."""
        return self.split.train

    @property
    def test(self) -> NDArray[np.bool_]:
        """The mask (n,) of the test rows."""
        return self.split.test

    @property
    def classes(self) -> list[str]:
        """The k labels in alphabetical order."""
        return sorted({label for label, _ in self.keys})

    @property
    def y(self) -> NDArray[np.int64]:
        """The class number of each row, shape (n,)."""
        number = {label: i for i, label in enumerate(self.classes)}
        return np.array([number[label] for label, _ in self.keys], dtype=np.int64)


def digest(keys: Sequence[Key]) -> str:
    """The first 16 hexadecimal digits of a sha256 of the row order."""
    lines = "".join(f"{label}/{file}\n" for label, file in keys)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def list_images(folder: Path) -> list[Key]:
    """The images at `folder/<label>/<file>` in row order; hidden files are left out.

    The file of an image at `folder/<label>/train/1.jpg` is `train/1.jpg`; so for `test`.
    """
    return sorted(
        (label.name, file.relative_to(label).as_posix())
        for label in folder.iterdir()
        if label.is_dir() and not label.name.startswith(".")
        for file in label.rglob("*")
        if file.is_file() and not file.name.startswith(".")
    )


def split_of_folders(keys: Sequence[Key]) -> Split | None:
    """The split by the folders `train` and `test` inside each class; None without such folders."""
    sides = [file.rpartition("/")[0] for _, file in keys]
    return Split.parse(sides) if any(sides) else None


def write(path: Path, index: Index) -> None:
    """Write the index as csv: row, label, file, split (train, test or none)."""
    lines = enumerate(zip(index.keys, index.split.sides, strict=True))
    files.write_csv(
        path,
        ["row", "label", "file", "split"],
        ([row, *key, side] for row, (key, side) in lines),
    )


def read(path: Path) -> Index:
    lines = files.read_csv(path)
    return Index(
        keys=[(line["label"], line["file"]) for line in lines],
        split=Split.parse([line["split"] for line in lines]),
    )
