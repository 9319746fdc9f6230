"""What the classifiers of a probe share: what they are given, and how they are scored."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from stages.dataset import index
from stages.dataset.index import Index
from stages.kernels import gram
from stages.runtime.provenance import refuse_misnamed, refuse_other


def load(
    probe: str, stage: str, *, kernel: Path, rows: Path, normalize: str
) -> tuple[NDArray[np.float64], dict[str, Any], Index]:
    """The kernel K (n, n) of `probe`, as `svm.normalize` wants it, its attributes, and the index.

    Raises `StageError` if the kernel that `stage` reads is of another probe or of other rows than the
    index has.
    """
    images = index.read(rows)
    K, about = gram.read(kernel)
    refuse_misnamed("a kernel", probe, about, f"gram@{probe}")
    refuse_other("a kernel", "rows", about["rows"], index.digest(images.keys), f"dvc repro {stage}")
    return gram.l2_normalise(K) if normalize == "l2" else K, about, images


def score(actual: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, float]:
    """Share of images that are right, over all (accuracy) and averaged over classes (balanced)."""
    return {
        "accuracy": float(accuracy_score(actual, predicted)),
        "balanced_accuracy": float(balanced_accuracy_score(actual, predicted)),
    }
