"""The features of one layer on disk: HDF5, one losslessly compressed data set `features` (n, d).

`features/segments.py` writes it in segments of rows; readers read blocks of columns. The bytes of a file
depend on its contents only (no time stamps), so the stages after an unchanged layer do not run again.
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

# A chunk (256 KiB in float16) is compressed once, with its segment of rows, and decompressed once, with
# its block of columns. A block of 4,485 rows takes 147 MB in float64.
CHUNK_ROWS, CHUNK_COLUMNS = 32, 4096
# The filter by the precision of the computation. It halves float16 in little time
# (`python -m benchmarks.parts.disk`). In float16, a bfloat16 value has three zero bits, always in the
# same place; Bitshuffle removes them at twice the speed.
FILTERS: dict[str, Mapping[str, Any]] = {
    "float32": hdf5plugin.Blosc2(cname="zstd", clevel=1, filters=hdf5plugin.Blosc2.SHUFFLE),
    "bfloat16": hdf5plugin.Bitshuffle(cname="lz4"),
}


def create(file: h5py.File, n: int, provenance: Provenance) -> Any:
    """Create the data set `features` (n, d) in an empty file."""
    d = provenance.feature_dim
    return file.create_dataset(
        "features",
        (n, d),
        provenance.storage,
        # Chunks of equal width: the last one is padded to full size.
        chunks=(min(CHUNK_ROWS, n), math.ceil(d / math.ceil(d / CHUNK_COLUMNS))),
        track_times=False,
        fletcher32=True,  # a reader notices a flipped bit
        **FILTERS[provenance.precision],
    )


class Features:
    """A reader of the file of features: `n` images, `d` features, their `provenance`.

    Raises `StageError` if the file is missing or damaged.
    """

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
        """The number of blocks that `blocks` yields."""
        return math.ceil(self.d / int(self._data.chunks[1]))

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield blocks (n, at most 4,096) of columns, in order, in the number type of the file."""
        columns = self._data.chunks[1]
        for start in range(0, self.d, columns):
            with self._reading():
                block = self._data[:, start : start + columns]
            yield block
