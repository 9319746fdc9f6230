"""Features of one layer on disk: HDF5, one data set `features` (n, d).

Written by segments of rows (features/segments.py), read by blocks of columns, compressed without loss.

A file's bytes depend on its contents only (no time stamps, no host names), so an unchanged layer
keeps its hash and nothing after it runs again.
"""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin
from numpy.typing import NDArray

from stages.runtime import hdf5
from stages.runtime.provenance import Provenance

# A chunk (256 KiB in float16) is compressed once, by the batch of rows that fills it, and decompressed
# once, by the block of columns it belongs to: a block of 4,485 rows is 147 MB in float64.
CHUNK_ROWS, CHUNK_COLUMNS = 32, 4096
# By the precision that features were computed with: about half of float16, at little cost beside the
# network (`python -m benchmarks.parts.disk`). Of bfloat16's values three bits are zero in float16, all
# at the same place: those another filter finds at twice the speed.
FILTERS: dict[str, Mapping[str, Any]] = {
    "float32": hdf5plugin.Blosc2(cname="zstd", clevel=1, filters=hdf5plugin.Blosc2.SHUFFLE),
    "bfloat16": hdf5plugin.Bitshuffle(cname="lz4"),
}


def create(file: h5py.File, n: int, provenance: Provenance) -> Any:
    """Make the data set `features` (n, d) in an empty file."""
    d = provenance.feature_dim
    return file.create_dataset(
        "features",
        (n, d),
        provenance.storage,
        # Chunks of equal width: the last one is padded to full size.
        chunks=(min(CHUNK_ROWS, n), math.ceil(d / math.ceil(d / CHUNK_COLUMNS))),
        track_times=False,
        fletcher32=True,  # of what was compressed: a flipped bit is noticed when it is read
        **FILTERS[provenance.precision],
    )


class Features:
    """The file that `Segments.join` wrote: `n` images, `d` features, their `provenance`."""

    def __init__(self, path: Path) -> None:
        self._reading = partial(hdf5.reading, path, "features", f"extract@{path.parent.name}")
        with self._reading():
            self._data = h5py.File(path, "r")["features"]
            attributes = {**hdf5.attributes(self._data), "storage": self._data.dtype.name}
            self.provenance = Provenance.from_attributes(attributes)
        self.n: int = self._data.shape[0]
        self.d: int = self._data.shape[1]

    @property
    def block_count(self) -> int:
        """How many blocks `blocks` yields."""
        return math.ceil(self.d / int(self._data.chunks[1]))

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield all n rows of at most 4,096 columns at a time, in order, as they are stored."""
        columns = self._data.chunks[1]
        for start in range(0, self.d, columns):
            with self._reading():
                block = self._data[:, start : start + columns]
            yield block
