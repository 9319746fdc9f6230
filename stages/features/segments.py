"""The rows of one layer while they are made: a file for each segment, so that what was cut off goes on.

HDF5 has no journal: a file that was open when its process was killed may be lost whole. So each segment
of CHUNK_ROWS rows is a file of its own, under its name only when it is closed, and `join` makes one file
of them: it copies the compressed chunks as they are.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from stages.features.store import CHUNK_ROWS, create
from stages.runtime import hdf5
from stages.runtime.provenance import Provenance


class Segments:
    """The `n` rows of one layer's features on their way to the file `path`.

    `rows` of them are on disk; rows that an earlier process left are counted. Segments are kept in the
    folder named as `path` without its suffix.
    """

    def __init__(self, path: Path, n: int, provenance: Provenance) -> None:
        self._path, self._folder = path, path.with_suffix("")
        self._n, self._provenance = n, provenance
        self._size = min(CHUNK_ROWS, n)
        self._waiting: list[NDArray[Any]] = []
        self._folder.mkdir(parents=True, exist_ok=True)
        self.rows = n if path.exists() else self._whole()

    @property
    def waiting(self) -> bool:
        """Whether some rows are in memory only."""
        return bool(self._waiting)

    @property
    def bytes(self) -> int:
        """What the segments take on disk."""
        return sum(path.stat().st_size for path in self._folder.iterdir())

    def append(self, rows: NDArray[Any]) -> None:
        """Add the next rows (b, d); those that do not fill a segment wait, unless they are the last."""
        self._waiting.append(rows)
        waiting = sum(map(len, self._waiting))
        last = self.rows + waiting == self._n
        count = waiting if last else waiting - waiting % self._size
        if count:
            gathered = np.concatenate(self._waiting) if len(self._waiting) > 1 else rows
            for start in range(0, count, self._size):
                self._write(gathered[start : min(start + self._size, count)])
            self._waiting = [gathered[count:]] if count < waiting else []

    def forget(self, row: int) -> None:
        """Remove what is there of the rows from `row` on, a multiple of CHUNK_ROWS, or n."""
        if row < self._n:
            self._path.unlink(missing_ok=True)
        for first, segment in self._segments():
            if first >= row:
                segment.unlink(missing_ok=True)
        self.rows = min(self.rows, row)

    def join(self) -> None:
        """Make the file of the segments, and remove them.

        Raises `RuntimeError` if rows are missing.
        """
        if self.rows != self._n:
            raise RuntimeError(f"only {self.rows} of {self._n} rows were written")
        if not self._path.exists():
            with hdf5.writing(self._path) as file:
                data = create(file, self._n, self._provenance)
                data.attrs.update(self._provenance.attributes())
                for first, segment in self._segments():
                    with h5py.File(segment, "r") as part:
                        for start in range(0, data.shape[1], data.chunks[1]):
                            mask, chunk = part["features"].id.read_direct_chunk((0, start))
                            data.id.write_direct_chunk((first, start), chunk, mask)
            _synchronise(self._path)
        shutil.rmtree(self._folder)

    def _write(self, rows: NDArray[Any]) -> None:
        with hdf5.writing(self._segment(self.rows)) as file:
            # As high as a chunk, also the last one: its chunks are to be those of the whole.
            data = create(file, self._size, self._provenance)
            data[: len(rows)] = rows
        self.rows += len(rows)

    def _segments(self) -> Iterator[tuple[int, Path]]:
        """Each segment that there may be, and its first row."""
        return ((first, self._segment(first)) for first in range(0, self._n, self._size))

    def _segment(self, first: int) -> Path:
        return self._folder / f"{first}.h5"

    def _whole(self) -> int:
        """The rows before the first segment that is missing or damaged."""
        for first, path in self._segments():
            try:
                with h5py.File(path, "r") as part:
                    part["features"][:]
            except (OSError, KeyError):
                return first
        return self._n


def _synchronise(path: Path) -> None:
    """Wait until a file is on the disk: if the machine goes down, what it was made of is gone."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
