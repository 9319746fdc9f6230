"""Compute the Gram matrix of one layer's features in one streamed pass.

    dvc repro gram@vgg16/pool5

Reads data/features/<b>/<layer>.h5, a block of columns at a time; writes data/kernels/<b>/<layer>.h5:
K = X X^T (n, n). On a GPU where there is one (`runtime.device`).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stages.features.store import Features
from stages.kernels import gram
from stages.runtime import command, devices, files, limits, timing
from stages.runtime.params import load_params, split_probe
from stages.runtime.provenance import refuse_misnamed


def main(probe: str, *, features: Path, kernel: Path, timings: Path) -> None:
    """Write the kernel of `probe`."""
    layer, runtime = Features(features), load_params()["runtime"]
    refuse_misnamed("features", probe, layer.attributes, f"extract@{split_probe(probe)[0]}")
    limits.refuse_kernel(layer.n, runtime["memory"])
    watch = timing.Stopwatch()
    with watch:
        bar = tqdm(layer.blocks(), desc=probe, total=layer.block_count, unit="block")
        K = stream(bar, layer.n, runtime["device"])
    with files.whole_file(kernel) as partial:
        gram.write(partial, K, {**layer.attributes, "feature_dim": layer.d, "storage": layer.storage})
    timing.write(timings, kernel_seconds=watch.seconds)


def stream(blocks: Iterable[NDArray[Any]], n: int, device: str) -> NDArray[np.float64]:
    """Sum the kernel over the blocks, where `runtime.device` says."""
    if devices.may_mean_gpu(device):
        from stages.kernels import gram_cuda

        chosen = devices.choose(device)
        if chosen.type == "cuda":
            return gram_cuda.stream(blocks, n, chosen)
    return gram.stream(blocks, n)


if __name__ == "__main__":
    command.run(main)
