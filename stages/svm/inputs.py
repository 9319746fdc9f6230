"""The inputs of every classifier of a probe, and the score of its predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.dataset import index
from stages.kernels import gram
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import Provenance, joined, refuse_other_rows


@dataclass(frozen=True)
class Inputs:
    """The kernel K (n, n) of a probe, the provenance of its features, and the index.

    normalize : how K is normalised, `none` or `l2`
    """

    K: NDArray[np.float64]
    normalize: str
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
    return Inputs(gram.l2_normalise(K) if normalize == "l2" else K, normalize, provenance, images)


def describe(members: Sequence[Inputs]) -> dict[str, Any]:
    """Return what determines the features of the layers that are trained on together."""
    return {
        "members": " ".join(str(member.provenance.probe) for member in members),
        **joined([member.provenance.record() for member in members]),
        "feature_dim": sum(member.provenance.feature_dim for member in members),
    }


def score(actual: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, float]:
    """Return the share of correctly classified images, overall and as the mean over the classes.

    They are scikit-learn's `accuracy_score` and `balanced_accuracy_score`, whose import takes longer
    than a fit.
    """
    right = actual == predicted
    recalls = [right[actual == label].mean() for label in np.unique(actual)]
    return {"accuracy": float(right.mean()), "balanced_accuracy": float(np.mean(recalls))}
