"""Convert the SVM of one layer to weights on its features, for new images.

    dvc repro export@vgg16/pool5

Reads the layer's features, its kernel, its SVM in the dual, the index and the channels of the pixels.
Writes data/primal/<b>/<layer>.h5, which `python -m stages.predict` reads.
One pass over the features, one block of columns at a time, gives the weights w = X^T alpha and the
decision values X w of all rows. They must equal the decision values from the kernel.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stages.dataset import index, splits
from stages.dataset.pixels import Pixels
from stages.features.store import Features
from stages.kernels import gram
from stages.runtime import command
from stages.runtime.errors import StageError
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import Provenance, refuse_other_rows
from stages.svm import dual, primal

# Largest difference between the decision values of features and kernel, relative to the largest value.
# On real layers rounding is at most 6e-12; a damaged chunk of features makes a far larger difference.
TOLERANCE = 1e-6


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the weights of the SVM of `probe`."""
    view = load_params()["duplicates"]["view"]  # all views have the same channels
    images, features = index.read(paths.index), Features(paths.features(probe))
    K, kernel_provenance = gram.read(paths.kernel(probe), probe)
    svm, trained = dual.read(paths.dual(probe), probe)
    refuse_others(probe, images, features.provenance, kernel_provenance, trained)
    bar = tqdm(features.blocks(), desc=f"export@{probe}", total=features.block_count, unit="block")
    scale = np.ones(len(K))
    if trained["normalize"] == "l2":
        scale, K = gram.reciprocal(np.sqrt(K.diagonal())), gram.l2_normalise(K)
    weights, decisions = primal.to_primal(bar, svm, images.train, scale)
    refuse_difference(probe, decisions, svm.decide(K[:, images.train]))
    exported = primal.LinearSVM(
        weights=weights,
        bias=svm.bias,
        classes=images.classes,
        normalize=trained["normalize"],
        C=trained["C"],
        relative_C=trained["relative_C"],
        channels=Pixels(paths.pixels(view))[0:1].shape[1],
        provenance=features.provenance,
    )
    primal.write(paths.primal(probe), exported)


def refuse_others(
    probe: Probe, images: index.Index, features: Provenance, kernel: Provenance, svm: Mapping[str, Any]
) -> None:
    """Raise `StageError` unless features, kernel and SVM belong to the rows and split of the index."""
    rows, train = index.digest(images.keys), f"dvc repro tune@{probe}"
    extract = f"extract@{probe.backbone}"
    features.refuse_other_probe(probe, "features", extract)
    refuse_other_rows("features", "rows", features.rows, rows, f"dvc repro {extract}")
    refuse_other_rows("a kernel", "rows", kernel.rows, rows, f"dvc repro gram@{probe}")
    refuse_other_rows("an SVM", "rows", svm["rows"], rows, train)
    split = splits.digest([images.split])
    refuse_other_rows("an SVM", "splits", svm["split"], split, train)


def refuse_difference(
    probe: Probe, decisions: NDArray[np.float64], expected: NDArray[np.float64]
) -> None:
    """Raise `StageError` unless `decisions` (n, k) equal those of the kernel, `expected`, (n, k)."""
    equal = np.abs(decisions - expected) <= TOLERANCE * np.abs(expected).max()  # False for NaN
    differing = int((~equal.all(axis=1)).sum())
    if differing:
        classes = int((decisions.argmax(axis=1) != expected.argmax(axis=1)).sum())
        raise StageError(
            expected=f"the weights of {probe} to decide as its kernel does on all {len(equal)} images",
            found=f"other decision values for {differing} of them, another class for {classes}",
            cause="a damaged feature file, or one that the kernel was not computed from",
            do=f"dvc repro --force --single-item extract@{probe.backbone}, "
            f"then dvc repro export@{probe}",
        )


if __name__ == "__main__":
    command.run(main)
