"""A linear SVM in the primal: weights w = X^T alpha on the features of one layer, for new images.

In the dual (svm/newton.py) a decision value needs the training rows; in the primal it does not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from stages.kernels.gram import reciprocal
from stages.runtime import hdf5
from stages.runtime.limits import one_blas_thread
from stages.runtime.probe import Probe
from stages.runtime.provenance import Provenance
from stages.svm.dual import KernelSVM

_SETTINGS = ("normalize", "C", "relative_C", "channels")


@dataclass(frozen=True)
class LinearSVM:
    """Weights (d, k) and bias (k,) for the k `classes`, and everything that the features depend on.

    The SVM was trained with `normalize` and `C`, which is `relative_C` in the units of `svm.grid`.
    Images have `channels` 1 (grey) or 3. `provenance` determines the features of an image, its view
    included.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    classes: list[str]
    normalize: str
    C: float
    relative_C: float
    channels: int
    provenance: Provenance

    def decide(self, X: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return decision values (m, k) of features X (m, d)."""
        X = X.astype(np.float64)
        if self.normalize == "l2":
            X = X * reciprocal(np.linalg.norm(X, axis=1))[:, None]
        return X @ self.weights + self.bias


def to_primal(
    blocks: Iterable[NDArray[Any]],
    svm: KernelSVM,
    train: NDArray[np.bool_],
    scale: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights w (d, k) and the decision values of all rows, (n, k).

    Both come from blocks of columns X_b (n, w): w_b = X_b^T alpha and X w = sum_b X_b w_b. `train` (n,)
    masks the training rows. Row i of X counts as scale_i X_i, with `scale` (n,).
    """
    alpha = np.zeros((len(train), len(svm.bias)))  # 0 for test rows: selecting rows copies the block
    alpha[train] = svm.alpha * scale[train, None]
    weights, products = [], np.zeros_like(alpha)
    with one_blas_thread():
        for stored in blocks:
            block = stored.astype(np.float64)
            weights.append(block.T @ alpha)
            products += block @ weights[-1]
    return np.concatenate(weights), products * scale[:, None] + svm.bias


def write(path: Path, svm: LinearSVM) -> None:
    """Write `weights`, `bias` and `classes` as data sets, the rest as attributes, reproducibly."""
    with hdf5.writing(path) as file:
        for name in ("weights", "bias"):
            file.create_dataset(name, data=getattr(svm, name), track_times=False)
        text = h5py.string_dtype()
        file.create_dataset("classes", data=svm.classes, dtype=text, track_times=False)
        file.attrs.update({name: getattr(svm, name) for name in _SETTINGS})
        file.attrs.update({**svm.provenance.attributes(), "storage": svm.provenance.storage})


def read(path: Path, probe: Probe) -> LinearSVM:
    """Return the SVM of `probe`; raise `StageError` if the file cannot be read."""
    what, stage = f"the weights of {probe}", f"export@{probe}"
    with hdf5.reading(path, what, stage), h5py.File(path, "r") as file:
        attributes = hdf5.attributes(file)
        return LinearSVM(
            weights=file["weights"][:],
            bias=file["bias"][:],
            classes=file["classes"].asstr()[:].tolist(),
            **{name: attributes[name] for name in _SETTINGS},
            provenance=Provenance.from_attributes(attributes),
        )
