"""The Gram matrix K = X X^T of a layer: all that a linear SVM sees of its features.

(w, b) of a linear SVM lie in the span of the training rows (representer theorem; Schölkopf, Herbrich
and Smola 2001, "A generalized representer theorem"), so decision values need X only through inner
products. K is n x n however wide the layer is.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from stages.runtime import hdf5
from stages.runtime.errors import StageError
from stages.runtime.probe import Probe
from stages.runtime.provenance import Provenance


def stream(blocks: Iterable[NDArray[Any]], n: int) -> NDArray[np.float64]:
    """Sum X_b X_b^T over blocks of columns X_b (n, w), of any floating type; return K (n, n).

    K is symmetric: a rank-k update (`dsyrk`) fills one triangle in place, with half the arithmetic of a
    plain product. The sum is in float64: where rows are linearly dependent, the rounding of float32
    products looks like extra features, and an SVM with a large C fits them.
    """
    K = np.zeros((n, n), dtype=np.float64)
    for block in blocks:
        # BLAS is column-major: it reads these C-ordered arrays as X_b^T and K^T, without a copy.
        dsyrk(1.0, block.astype(np.float64).T, trans=1, beta=1.0, c=K.T, lower=1, overwrite_c=1)
    return mirror(K)


def mirror(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Copy the upper triangle to the lower one, in place: a second K may not fit in memory."""
    for row in range(1, len(K)):
        K[row, :row] = K[:row, row]
    return K


def reciprocal(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / x for each length x, and 0 for x = 0: a row of zeros stays zero when it is scaled."""
    return np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def l2_normalise(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kernel of the rows scaled to unit length, K_ij / sqrt(K_ii K_jj); zero rows stay 0."""
    scale = reciprocal(np.sqrt(np.diag(K)))
    return K * scale[:, None] * scale[None, :]


def write(path: Path, K: NDArray[np.float64], provenance: Provenance) -> None:
    """Write the data set `kernel` (n, n), float64, with the provenance of its features as attributes.

    Raises `StageError` if K contains NaN or infinity.
    """
    backbone = provenance.probe.backbone
    do = f"check the weights of {backbone}, then dvc repro --force extract@{backbone}"
    _refuse_not_finite(K, "the kernel", "damaged features", do)
    with hdf5.writing(path) as file:
        kernel = file.create_dataset(
            "kernel",
            data=K,
            chunks=(min(len(K), 64), len(K)),
            fletcher32=True,  # a checksum: h5py refuses to read a flipped bit
            track_times=False,
        )
        # Sorted, because the order of the attributes is part of the file's bytes.
        kernel.attrs.update(dict(sorted(provenance.attributes().items())))
        kernel.attrs.update(feature_dim=provenance.feature_dim, storage=provenance.storage)


def read(path: Path, probe: Probe) -> tuple[NDArray[np.float64], Provenance]:
    """Return the kernel K (n, n) of `probe` and the provenance of its features.

    Raises `StageError` if the file is damaged or belongs to another probe.
    """
    stage = f"gram@{probe}"
    with hdf5.reading(path, f"the kernel of {probe}", stage), h5py.File(path, "r") as file:
        provenance = Provenance.from_attributes(hdf5.attributes(file["kernel"]))
        K = file["kernel"][:]
    do = f"dvc repro --force --single-item {stage}, then dvc repro"
    _refuse_not_finite(K, f"the kernel in {path}", "a damaged file", do)
    provenance.refuse_other_probe(probe, "a kernel", stage)
    return K, provenance


class Stored:
    """The kernel (n, n) of `probe` in a file, from which rows are read; a context manager.

    `chunk` rows are stored together: reading fewer is not faster. Raises `StageError` as `read` does.
    """

    def __init__(self, path: Path, probe: Probe) -> None:
        self._reading = partial(hdf5.reading, path, f"the kernel of {probe}", f"gram@{probe}")
        with self._reading():
            self._file = h5py.File(path, "r")
            self._kernel = self._file["kernel"]
            self.provenance = Provenance.from_attributes(hdf5.attributes(self._kernel))
        self.provenance.refuse_other_probe(probe, "a kernel", f"gram@{probe}")
        self.chunk = int(self._kernel.chunks[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        with self._reading():
            return np.asarray(self._kernel[rows])


def _refuse_not_finite(K: NDArray[np.float64], what: str, cause: str, do: str) -> None:
    if not np.isfinite(K).all():
        raise StageError(expected=f"{what} to be finite", found="NaN or infinity", cause=cause, do=do)
