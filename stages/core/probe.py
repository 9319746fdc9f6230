"""What the classifiers of a probe share: the rows they are given, and how they are scored."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from stages.core import output
from stages.core.command import StageError
from stages.core.index import Index
from stages.core.index import digest as digest_of


def refuse_other_rows(stage: str, digest: str, images: Index) -> None:
    """Raise `StageError` if what `stage` reads was made for another row order than the index has."""
    wanted = digest_of(images.keys)
    if digest != wanted:
        raise StageError(
            expected=f"a kernel of the rows in the index ({wanted})",
            found=f"one of other rows ({digest})",
            cause="images were added, removed or renamed since the features were extracted",
            do=f"dvc repro {stage}",
        )


def score(actual: NDArray[np.int64], predicted: NDArray[np.int64]) -> dict[str, float]:
    """Share of images that are right, over all (accuracy) and averaged over classes (balanced)."""
    return {
        "accuracy": float(accuracy_score(actual, predicted)),
        "balanced_accuracy": float(balanced_accuracy_score(actual, predicted)),
    }


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """One flat json per probe, which `dvc metrics diff` reads well."""
    with output.whole_file(path) as partial:
        partial.write_text(json.dumps(metrics, indent=2) + "\n")
