"""Features of one layer on disk: HDF5, one data set `features` (n, d).

Written by batches of rows, read by blocks of columns, compressed without loss.

A file's bytes depend on its contents only (no time stamps, no host names), so an unchanged layer
keeps its hash and nothing after it runs again.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
import numpy as np
from numpy.typing import NDArray

from stages.core import hdf5
from stages.core.command import StageError

# A chunk (256 KiB in float16) is compressed once, by the batch of rows that fills it, and decompressed
# once, by the block of columns it belongs to: a block of 4,485 rows is 147 MB in float64.
CHUNK_ROWS, CHUNK_COLUMNS = 32, 4096
# By the precision that features were computed with: about half of float16, at little cost beside the
# network (`python -m benchmarks.disk`). Of bfloat16's values three bits are zero in float16, all at the
# same place: those another filter finds at twice the speed.
FILTERS: dict[str, Mapping[str, Any]] = {
    "float32": hdf5plugin.Blosc2(cname="zstd", clevel=1, filters=hdf5plugin.Blosc2.SHUFFLE),
    "bfloat16": hdf5plugin.Bitshuffle(cname="lz4"),
}


class Writer:
    """Fills the file `path` with `n` rows of `d` features; a context manager.

    `attributes` are kept with the data; among them `precision`, what the features were computed with.
    Rows are gathered into whole chunks before they are compressed, so that each chunk is compressed once
    whatever the batch size.
    """

    def __init__(self, path: Path, *, n: int, d: int, dtype: str, attributes: Mapping[str, Any]) -> None:
        self._file = h5py.File(path, "w")
        self._data = self._file.create_dataset(
            "features",
            (n, d),
            dtype,
            # Chunks of equal width: the last one is padded to full size.
            chunks=(min(CHUNK_ROWS, n), math.ceil(d / math.ceil(d / CHUNK_COLUMNS))),
            track_times=False,
            **FILTERS[attributes["precision"]],
        )
        self._data.attrs.update(attributes)
        self._waiting: list[NDArray[Any]] = []
        self._written = 0

    def append(self, rows: NDArray[Any]) -> None:
        """Add the next rows, shape (b, d)."""
        self._waiting.append(rows)
        waiting = sum(map(len, self._waiting))
        if waiting >= CHUNK_ROWS:
            self._flush(waiting - waiting % CHUNK_ROWS)

    def _flush(self, count: int) -> None:
        rows = np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
        self._data[self._written : self._written + count] = rows[:count]
        self._written += count
        self._waiting = [rows[count:]] if count < len(rows) else []

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, *raised: object) -> None:
        if self._waiting and kind is None:
            self._flush(sum(map(len, self._waiting)))
        complete = self._written == self._data.shape[0]
        self._file.close()
        if kind is None and not complete:
            raise RuntimeError(f"only {self._written} rows were written")


class Features:
    """The file that `Writer` wrote, opened for reading.

    `n` images, `d` features of type `storage`, `attributes` as given to the writer.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._data = h5py.File(path, "r")["features"]
        except (OSError, KeyError) as error:
            raise StageError(
                expected=f"a feature file at {path}",
                found=str(error),
                cause="the stage extract did not finish, or the file was damaged",
                do="dvc repro extract@<backbone>",
            ) from error
        self.n: int = self._data.shape[0]
        self.d: int = self._data.shape[1]
        self.storage: str = self._data.dtype.name
        self.attributes: dict[str, Any] = hdf5.attributes(self._data)

    @property
    def block_count(self) -> int:
        """How many blocks `blocks` yields."""
        return math.ceil(self.d / int(self._data.chunks[1]))

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield all n rows of at most 4,096 columns at a time, in order, as they are stored."""
        columns = self._data.chunks[1]
        for start in range(0, self.d, columns):
            yield self._data[:, start : start + columns]
