"""The Gram matrix K = X X^T of a layer: all that a linear SVM sees of its features.

(w, b) of a linear SVM lie in the span of the training rows (representer theorem; Schölkopf, Herbrich
and Smola 2001, "A generalized representer theorem"), so decision values need X only through inner
products. K is n x n however wide the layer is.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from stages.runtime import hdf5
from stages.runtime.errors import StageError


def stream(blocks: Iterable[NDArray[Any]], n: int) -> NDArray[np.float64]:
    """Sum X_b X_b^T over blocks of columns X_b (n, w), of any floating type; return K (n, n).

    K is symmetric: a rank-k update (`dsyrk`) fills one triangle, in place, for half the arithmetic of a
    plain product. In float64: the rounding of float32 products looks like features of its own where rows
    are linearly dependent, and an SVM with a large C makes use of them.
    """
    K = np.zeros((n, n), dtype=np.float64)
    for block in blocks:
        # BLAS counts columns first: for it these C-ordered arrays are X_b^T and K^T already, uncopied.
        dsyrk(1.0, block.astype(np.float64).T, trans=1, beta=1.0, c=K.T, lower=1, overwrite_c=1)
    return mirror(K)


def mirror(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill what is below the diagonal with what is above it, in place: a copy of K may not fit."""
    for row in range(1, len(K)):
        K[row, :row] = K[:row, row]
    return K


def l2_normalise(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """The kernel of the rows scaled to unit length: K_ij / sqrt(K_ii K_jj); zero rows stay zero."""
    lengths = np.sqrt(np.diag(K))
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return K * scale[:, None] * scale[None, :]


def write(path: Path, K: NDArray[np.float64], attributes: Mapping[str, Any]) -> None:
    """Write the data set `kernel` (n, n), float64, with `attributes`.

    Raises `StageError` if K holds NaN or infinity.
    """
    do = "check the weights of this backbone, then dvc repro --force extract@<backbone>"
    _refuse_not_finite(K, "the kernel", "damaged features", do)
    with hdf5.writing(path) as file:
        kernel = file.create_dataset(
            "kernel",
            data=K,
            chunks=(min(len(K), 64), len(K)),
            fletcher32=True,  # a flipped bit is noticed when it is read
            track_times=False,
        )
        kernel.attrs.update(attributes)


def read(path: Path) -> tuple[NDArray[np.float64], dict[str, Any]]:
    """Return K (n, n) and the attributes that `write` got.

    Raises `StageError` if the file is damaged.
    """
    probe = f"{path.parent.name}/{path.stem}"
    with hdf5.reading(path, f"the kernel of {probe}", f"gram@{probe}"), h5py.File(path, "r") as file:
        kernel = file["kernel"]
        attributes = hdf5.attributes(kernel)
        K = kernel[:]
    again = f"dvc repro --force --single-item gram@{probe}, then dvc repro"
    _refuse_not_finite(K, f"the kernel in {path}", "a file that was damaged", again)
    return K, attributes


def _refuse_not_finite(K: NDArray[np.float64], what: str, cause: str, do: str) -> None:
    if not np.isfinite(K).all():
        raise StageError(expected=f"{what} to be finite", found="NaN or infinity", cause=cause, do=do)
