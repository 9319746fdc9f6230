"""Row identity: row i means line i of the index, sorted by (label, file), in every file there is.

Feature and kernel files carry the digest of that order; whoever reads them beside an index compares.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.command import StageError

Key = tuple[str, str]  # label, file


@dataclass(frozen=True)
class Index:
    """The images in row order and the published split.

    `keys` are n (label, file) pairs in ascending order, `train` is a boolean mask of shape (n,).
    """

    keys: list[Key]
    train: NDArray[np.bool_]

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
    """A short fingerprint of the row order."""
    lines = "".join(f"{label}/{file}\n" for label, file in keys)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def list_images(folder: Path) -> list[Key]:
    """The images under `folder/<label>/<file>` in row order."""
    return sorted(
        (label.name, file.name)
        for label in folder.iterdir()
        if label.is_dir() and not label.name.startswith(".")
        for file in label.iterdir()
        if not file.name.startswith(".")
    )


def random_split(keys: Sequence[Key], train_per_class: int, seed: int) -> NDArray[np.bool_]:
    """Draw `train_per_class` training rows of each class; the rest is for testing.

    Returns a boolean mask of shape (n,). Raises `StageError` if a class would have no test image.
    """
    train = np.zeros(len(keys), dtype=np.bool_)
    labels = np.array([label for label, _ in keys])
    generator = np.random.default_rng(seed)
    for label, count in sorted(Counter(labels.tolist()).items()):
        if count <= train_per_class:
            raise StageError(
                expected=f"at least {train_per_class + 1} images of each class "
                f"({train_per_class} to train, 1 to test)",
                found=f"{count} of {label}",
                cause="splits.train_per_class is too large for this data set",
                do="lower splits.train_per_class in params.yaml, or add images",
            )
        rows = np.flatnonzero(labels == label)
        train[generator.choice(rows, size=train_per_class, replace=False)] = True
    return train


def write(path: Path, index: Index) -> None:
    """Write the index as csv: row, label, file, split (train or test)."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "label", "file", "split"])
        for row, ((label, name), train) in enumerate(zip(index.keys, index.train, strict=True)):
            writer.writerow([row, label, name, "train" if train else "test"])


def read(path: Path) -> Index:
    """Read what `write` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    return Index(
        keys=[(line["label"], line["file"]) for line in lines],
        train=np.array([line["split"] == "train" for line in lines], dtype=np.bool_),
    )
