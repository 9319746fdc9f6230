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

    `converged` is False if the solver stopped before the minimum for at least one class. `gap` is the
    largest duality gap of a class, relative to its objective: so far above the minimum it may be.
    """

    alpha: NDArray[np.float64]
    bias: NDArray[np.float64]
    converged: bool
    gap: float

    def decide(self, K: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return decision values (m, k) of m rows; K (m, n_train) is their kernel with training rows."""
        return K @ self.alpha + self.bias


def dual_objective(
    a: NDArray[np.float64], y: NDArray[np.float64], f: NDArray[np.float64], C: float
) -> float:
    """Return the dual objective of one class, a lower bound of the primal one for every a >= 0.

    It is sum_i a_i - 1/2 sum_ij a_i y_i (K_ij + 1) y_j a_j - sum_i a_i^2 / (4 C), for the squared hinge
    loss and a regularised bias (Hsieh et al. 2008, "A dual coordinate descent method for large-scale
    linear SVM", ICML).

    Parameters
    ----------
    a : dual variables, (n,)
    y : targets, -1 or 1, (n,)
    f : (K + 1) (y a), (n,)
    """
    return float(a.sum() - (y * a) @ f / 2 - a @ a / (4 * C))


def write(path: Path, svm: KernelSVM, attributes: Mapping[str, Any]) -> None:
    """Write the data sets `alpha` (n_train, k) and `bias` (k,), and `attributes`."""
    with hdf5.writing(path) as file:
        for name in ("alpha", "bias"):
            file.create_dataset(name, data=getattr(svm, name), track_times=False)
        file.attrs.update({**attributes, "converged": svm.converged, "gap": svm.gap})


def read(path: Path, probe: Probe) -> tuple[KernelSVM, dict[str, Any]]:
    """Return the SVM of `probe` and its attributes; raise `StageError` if the file cannot be read."""
    with hdf5.reading(path, f"the SVM of {probe}", f"tune@{probe}"), h5py.File(path, "r") as file:
        attributes = hdf5.attributes(file)
        converged, gap = bool(attributes.pop("converged")), float(attributes.pop("gap"))
        return KernelSVM(file["alpha"][:], file["bias"][:], converged, gap), attributes
