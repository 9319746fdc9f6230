"""A trained probe for new images: the SVM's weights on the features of one layer, as plain arrays.

The SVM was trained on a kernel (svm/newton.py) and refers to its training rows. Here it is in the
primal, w = X^T alpha: no training image is needed any more.
"""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from stages.runtime import files, hdf5
from stages.runtime.errors import StageError


@dataclass(frozen=True)
class Model:
    """Weights (d, k) and bias (k,) for the k `classes`, and all that the features depend on.

    `normalize` and `C` are those it was trained with. `model`, `trained_weights`, `module`, `mean` and
    `std` are the backbone's entry in params.yaml. The network computed with `precision`, and `storage`
    is the type that features were rounded to; images have `channels` 1 (grey) or 3 and are resized to
    `image_size` x `image_size`.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    classes: list[str]
    normalize: str
    C: float
    backbone: str
    layer: str
    model: str
    trained_weights: str
    module: str
    precision: str
    storage: str
    mean: list[float]
    std: list[float]
    image_size: int
    channels: int

    def decide(self, X: NDArray[np.floating]) -> NDArray[np.float64]:
        """Decision values (m, k) of features X (m, d)."""
        X = X.astype(np.float64)
        if self.normalize == "l2":
            lengths = np.linalg.norm(X, axis=1, keepdims=True)
            X = np.divide(X, lengths, out=np.zeros_like(X), where=lengths > 0)
        return X @ self.weights + self.bias


def write(path: Path, model: Model) -> None:
    """Write data sets `weights`, `bias` and `classes`, the rest as attributes; always the same bytes."""
    with files.whole_file(path) as partial, hdf5.writing(partial) as file:
        for name, value in vars(model).items():
            if name in ("weights", "bias", "classes"):
                kind = h5py.string_dtype() if name == "classes" else value.dtype
                file.create_dataset(name, data=value, dtype=kind, track_times=False)
            else:
                file.attrs[name] = value


def read(path: Path) -> Model:
    """Read what `write` wrote to <models>/<backbone>/<layer>.h5; raise `StageError` if it cannot be."""
    try:
        with h5py.File(path, "r") as file:
            attributes = hdf5.attributes(file)
            classes = file["classes"].asstr()[:].tolist()
            return Model(file["weights"][:], file["bias"][:], classes, **attributes)
    except (OSError, KeyError, TypeError) as error:
        raise StageError(
            expected=f"a trained model at {path}",
            found="no such file" if isinstance(error, FileNotFoundError) else str(error),
            cause="the stage export did not run, or the file was damaged",
            do=f"dvc repro export@{path.parent.name}/{path.stem}",
        ) from error
