"""What the classifiers of a probe share: what they are given, and how they are scored."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from stages.core import gram, index
from stages.core.command import StageError
from stages.core.index import Index

# What a kernel says of the features it was made of, for whoever wants to know if those are the present
# ones: `table.identity` has the same of params.yaml.
ORIGIN = ("model", "weights", "module", "precision", "storage")


def load(
    stage: str, *, kernel: Path, rows: Path, normalize: str
) -> tuple[NDArray[np.float64], dict[str, Any], Index]:
    """The kernel of all rows K (n, n), as `svm.normalize` wants it, its attributes, and the index.

    Raises `StageError` if the kernel that `stage` reads was made for other rows than the index has.
    """
    images = index.read(rows)
    K, about = gram.read(kernel)
    refuse_other("a kernel", "rows", about["rows"], index.digest(images.keys), f"dvc repro {stage}")
    return gram.l2_normalise(K) if normalize == "l2" else K, about, images


def refuse_other(what: str, of: str, found: str, wanted: str, do: str) -> None:
    """Raise `StageError` unless `what` was made of the same rows, or training rows, as the index has.

    `found` and `wanted` are digests (`index.digest`, `splits.digest`) of what `of` names.
    """
    if found != wanted:
        raise StageError(
            expected=f"{what} of the {of} in the index ({wanted})",
            found=f"that of other {of} ({found})",
            cause="the images or the split were changed since",
            do=do,
        )


def score(actual: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, float]:
    """Share of images that are right, over all (accuracy) and averaged over classes (balanced)."""
    return {
        "accuracy": float(accuracy_score(actual, predicted)),
        "balanced_accuracy": float(balanced_accuracy_score(actual, predicted)),
    }
