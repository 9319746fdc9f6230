"""A trained SVM on disk: plain arrays in HDF5."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from stages.runtime import files, hdf5


@dataclass(frozen=True)
class Machine:
    """A trained SVM: `alpha` (n_train, k) and `bias` (k,), a column for each of the k classes.

    `converged` is False if the solver was not at the minimum for one of the classes when it stopped.
    """

    alpha: NDArray[np.float64]
    bias: NDArray[np.float64]
    converged: bool

    def decide(self, K: NDArray[np.float64]) -> NDArray[np.float64]:
        """Decision values (m, k) of m rows, from their kernel with the training rows, K (m, n_train)."""
        return K @ self.alpha + self.bias


def write(path: Path, machine: Machine, attributes: Mapping[str, Any]) -> None:
    """Write `alpha` (n_train, k) and `bias` (k,), with `attributes`."""
    with files.whole_file(path) as partial, hdf5.writing(partial) as file:
        for name in ("alpha", "bias"):
            file.create_dataset(name, data=getattr(machine, name), track_times=False)
        file.attrs.update({**attributes, "converged": machine.converged})


def read(path: Path) -> tuple[Machine, dict[str, Any]]:
    """The machine and the attributes that `write` got."""
    probe = f"{path.parent.name}/{path.stem}"
    with hdf5.reading(path, f"the SVM of {probe}", f"train@{probe}"), h5py.File(path, "r") as file:
        attributes = hdf5.attributes(file)
        converged = bool(attributes.pop("converged"))
        return Machine(file["alpha"][:], file["bias"][:], converged), attributes
