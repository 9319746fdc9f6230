"""A trained SVM on disk: plain arrays in HDF5."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py

from stages.core import hdf5, output
from stages.core.svm import Machine


def write(path: Path, machine: Machine, attributes: Mapping[str, Any]) -> None:
    """Write `alpha` (n_train, k) and `bias` (k,), with `attributes`."""
    with output.whole_file(path) as partial, hdf5.writing(partial) as file:
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
