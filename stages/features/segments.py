"""Features during extraction: each segment of CHUNK_ROWS rows is a file, so that a run can resume.

HDF5 has no journal: a file that was open when its process was killed may be lost. A segment gets its
name only after it is closed. `join` copies the compressed chunks of all segments into one file.
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
    """Writes the `n` rows of one layer's features to the file `path`, in segments.

    `rows` is the number of rows on disk, including those of an interrupted run. The segments lie in the
    folder `path` without its suffix.
    """

    def __init__(self, path: Path, n: int, provenance: Provenance) -> None:
        self._path, self._folder = path, path.with_suffix("")
        self._n, self._provenance = n, provenance
        self._size = min(CHUNK_ROWS, n)
        self._waiting: list[NDArray[Any]] = []
        self._folder.mkdir(parents=True, exist_ok=True)
        self.rows = n if path.exists() else self._intact_rows()

    @property
    def waiting(self) -> bool:
        """Whether rows wait in memory."""
        return bool(self._waiting)

    @property
    def bytes(self) -> int:
        """The size of the segments on disk."""
        return sum(path.stat().st_size for path in self._folder.iterdir())

    def append(self, rows: NDArray[Any]) -> None:
        """Add the next rows (b, d); rows that do not fill a segment wait, except the last ones."""
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
        """Remove the rows from `row` on; `row` is a multiple of CHUNK_ROWS, or n."""
        if row < self._n:
            self._path.unlink(missing_ok=True)
        for first, segment in self._segments():
            if first >= row:
                segment.unlink(missing_ok=True)
        self.rows = min(self.rows, row)

    def join(self) -> None:
        """Join the segments into the file and remove them; raise `RuntimeError` if rows are missing."""
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
            # The last segment, too, is as high as a chunk: `join` copies whole chunks.
            data = create(file, self._size, self._provenance)
            data[: len(rows)] = rows
        self.rows += len(rows)

    def _segments(self) -> Iterator[tuple[int, Path]]:
        """The first row and the path of every segment, whether the file exists or not."""
        return ((first, self._segment(first)) for first in range(0, self._n, self._size))

    def _segment(self, first: int) -> Path:
        return self._folder / f"{first}.h5"

    def _intact_rows(self) -> int:
        """The number of rows before the first missing or damaged segment."""
        for first, path in self._segments():
            try:
                with h5py.File(path, "r") as part:
                    part["features"][:]
            except (OSError, KeyError):
                return first
        return self._n


def _synchronise(path: Path) -> None:
    """Wait until a file is on the disk; its segments are removed afterwards."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
