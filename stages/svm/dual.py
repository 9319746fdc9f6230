"""A linear SVM in the dual: coefficients of the training rows, applied to a kernel."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from stages.runtime import hdf5
from stages.runtime.probe import Probe


@dataclass(frozen=True)
class KernelSVM:
    """A trained SVM: `alpha` (n_train, k) and `bias` (k,), a column for each of the k classes.

    `converged` is False if the solver stopped before the minimum for at least one class.
    """

    alpha: NDArray[np.float64]
    bias: NDArray[np.float64]
    converged: bool

    def decide(self, K: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return decision values (m, k) of m rows; K (m, n_train) is their kernel with training rows."""
        return K @ self.alpha + self.bias


def write(path: Path, svm: KernelSVM, attributes: Mapping[str, Any]) -> None:
    """Write the data sets `alpha` (n_train, k) and `bias` (k,), and `attributes`."""
    with hdf5.writing(path) as file:
        for name in ("alpha", "bias"):
            file.create_dataset(name, data=getattr(svm, name), track_times=False)
        file.attrs.update({**attributes, "converged": svm.converged})


def read(path: Path, probe: Probe) -> tuple[KernelSVM, dict[str, Any]]:
    """Return the SVM of `probe` and its attributes; raise `StageError` if the file cannot be read."""
    with hdf5.reading(path, f"the SVM of {probe}", f"train@{probe}"), h5py.File(path, "r") as file:
        attributes = hdf5.attributes(file)
        converged = bool(attributes.pop("converged"))
        return KernelSVM(file["alpha"][:], file["bias"][:], converged), attributes
