"""The index: row i of every file is the image in line i of the index.

The stage `decode` lists the images once, sorted by (label, file). Files of features and kernels carry
the digest of that order; a stage that reads them compares it with the index.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.runtime import files

Key = tuple[str, str]  # label, file


@dataclass(frozen=True)
class Index:
    """The images in row order: `keys` (n of them, ascending) and the mask `train` (n,)."""

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
    """The first 16 hexadecimal digits of a sha256 of the row order."""
    lines = "".join(f"{label}/{file}\n" for label, file in keys)
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


def list_images(folder: Path) -> list[Key]:
    """The images at `folder/<label>/<file>` in row order; hidden files are left out."""
    return sorted(
        (label.name, file.name)
        for label in folder.iterdir()
        if label.is_dir() and not label.name.startswith(".")
        for file in label.iterdir()
        if not file.name.startswith(".")
    )


def write(path: Path, index: Index) -> None:
    """Write the index as csv: row, label, file, split (train or test)."""
    lines = enumerate(zip(index.keys, index.train, strict=True))
    files.write_csv(
        path,
        ["row", "label", "file", "split"],
        ([row, *key, "train" if train else "test"] for row, (key, train) in lines),
    )


def read(path: Path) -> Index:
    lines = files.read_csv(path)
    return Index(
        keys=[(line["label"], line["file"]) for line in lines],
        train=np.array([line["split"] == "train" for line in lines], dtype=np.bool_),
    )
