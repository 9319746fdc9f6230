"""Make a model for new images out of the SVM of one layer.

    dvc repro export@vgg16/pool5

Reads the layer's features, its kernel, its machine, the index and the shape of the pixels; writes
data/models/<b>/<layer>.h5, which `python -m stages.predict` reads. The weights w = X^T alpha and all
decision values X w come from one pass over the features, a block of columns at a time. Weights that do
not decide as the kernel does are refused.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from stages.dataset import index, splits
from stages.dataset.pixels import Pixels
from stages.features.store import Features
from stages.kernels import gram
from stages.runtime import command
from stages.runtime.errors import StageError
from stages.runtime.params import split_probe
from stages.runtime.provenance import refuse_misnamed, refuse_other
from stages.svm import dual, primal
from stages.svm.dual import Machine

# How far the two ways to a decision value may be apart, relative to the largest one: rounding was 6e-12
# at most on real layers, and a damaged chunk of features makes far more.
TOLERANCE = 1e-6
FROM_FEATURES = ("backbone", "layer", "model", "module", "precision", "mean", "std")


def main(
    probe: str, *, features: Path, kernel: Path, machine: Path, rows: Path, pixels: Path, model: Path
) -> None:
    """Write the model of `probe`."""
    images, layer = index.read(rows), Features(features)
    K, about = gram.read(kernel)
    trained, protocol = dual.read(machine)
    refuse_others(probe, images, layer.attributes, about, protocol)
    bar = tqdm(layer.blocks(), desc=probe, total=layer.block_count, unit="block")
    if protocol["normalize"] == "l2":
        scale, K = inverse_lengths(K), gram.l2_normalise(K)
    else:
        scale = np.ones(len(K))
    weights, decided = to_primal(bar, trained, images.train, scale)
    refuse_difference(probe, decided, trained.decide(K[:, images.train]))
    _, channels, size, _ = Pixels(pixels)[0:1].shape
    made = primal.Model(
        weights=weights,
        bias=trained.bias,
        classes=images.classes,
        **{key: protocol[key] for key in ("normalize", "C")},
        **{key: layer.attributes[key] for key in FROM_FEATURES},
        trained_weights=layer.attributes["weights"],
        storage=layer.storage,
        image_size=size,
        channels=channels,
    )
    primal.write(model, made)


def refuse_others(
    probe: str,
    images: index.Index,
    features: Mapping[str, Any],
    kernel: Mapping[str, Any],
    machine: Mapping[str, Any],
) -> None:
    """Raise `StageError` unless what was read is of the rows of the index, and of its split."""
    backbone, _ = split_probe(probe)
    rows, train = index.digest(images.keys), f"dvc repro train@{probe}"
    extract = f"extract@{backbone}"
    refuse_misnamed("features", probe, features, extract)
    refuse_misnamed("a kernel", probe, kernel, f"gram@{probe}")
    refuse_other("features", "rows", features["rows"], rows, f"dvc repro {extract}")
    refuse_other("a kernel", "rows", kernel["rows"], rows, f"dvc repro gram@{probe}")
    refuse_other("a machine", "rows", machine["rows"], rows, train)
    refuse_other("a machine", "training rows", machine["split"], splits.digest(images.train), train)


def inverse_lengths(K: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / |x_i| of each row, (n,), from the kernel's diagonal; 0 for rows of zeros."""
    lengths = np.sqrt(K.diagonal())
    return np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def to_primal(
    blocks: Iterable[NDArray[Any]],
    machine: Machine,
    train: NDArray[np.bool_],
    scale: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights w (d, k) and the decision values of all rows, (n, k).

    Both are sums over blocks of columns X_b (n, w): w_b = X_b^T alpha, and X w = sum_b X_b w_b. The rows
    that count are those of X times `scale` (n,).
    """
    alpha = np.zeros((len(train), len(machine.bias)))  # of the test rows 0: no block is copied
    alpha[train] = machine.alpha * scale[train, None]
    parts, products = [], np.zeros_like(alpha)
    with threadpool_limits(1, user_api="blas"):  # the last bit does not depend on the number of cores
        for stored in blocks:
            block = stored.astype(np.float64)
            parts.append(block.T @ alpha)
            products += block @ parts[-1]
    return np.concatenate(parts), products * scale[:, None] + machine.bias


def refuse_difference(probe: str, decided: NDArray[np.float64], expected: NDArray[np.float64]) -> None:
    """Raise `StageError` unless the decision values (n, k) are those of the kernel, `expected`."""
    near = np.abs(decided - expected) <= TOLERANCE * np.abs(expected).max()  # NaN is not near
    differing = int((~near.all(axis=1)).sum())
    if differing:
        classes = int((decided.argmax(axis=1) != expected.argmax(axis=1)).sum())
        backbone, _ = split_probe(probe)
        raise StageError(
            expected=f"the weights of {probe} to decide as its kernel does on all {len(near)} images",
            found=f"other decision values for {differing} of them, another class for {classes}",
            cause="a feature file that was damaged, or is not the one the kernel was made of",
            do=f"dvc repro --force --single-item extract@{backbone}, then dvc repro export@{probe}",
        )


if __name__ == "__main__":
    command.run(main)
