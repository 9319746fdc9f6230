"""The inputs of every classifier of a probe, and the score of its predictions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from stages.dataset import index
from stages.kernels import gram
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import Provenance, refuse_other_rows


@dataclass(frozen=True)
class Inputs:
    """The normalised kernel K (n, n) of a probe, the provenance of its features, and the index."""

    K: NDArray[np.float64]
    provenance: Provenance
    index: index.Index


def load(probe: Probe, stage: str, paths: Paths, *, normalize: str) -> Inputs:
    """Return the inputs of `probe` for `stage`; `normalize` is the parameter `svm.normalize`.

    Raises `StageError` if the kernel belongs to another probe or to other rows than the index.
    """
    images = index.read(paths.index)
    K, provenance = gram.read(paths.kernel(probe), probe)
    rows = index.digest(images.keys)
    refuse_other_rows("a kernel", "rows", provenance.rows, rows, f"dvc repro {stage}")
    return Inputs(gram.l2_normalise(K) if normalize == "l2" else K, provenance, images)


def score(actual: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, float]:
    """Return the share of correctly classified images, overall and as the mean over the classes."""
    return {
        "accuracy": float(accuracy_score(actual, predicted)),
        "balanced_accuracy": float(balanced_accuracy_score(actual, predicted)),
    }
