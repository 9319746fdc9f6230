"""What the HDF5 files of all kinds have in common."""

from typing import Any

import h5py
import numpy as np


def attributes(item: h5py.File | h5py.Dataset) -> dict[str, Any]:
    """The attributes of a file or a data set: numbers and texts as Python's own, arrays as lists."""
    return {
        key: value.tolist() if isinstance(value, np.generic | np.ndarray) else value
        for key, value in item.attrs.items()
    }
