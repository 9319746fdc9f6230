"""Compute the Gram matrix of one layer's features in one streamed pass.

    dvc repro gram@vgg16/pool5

Reads data/features/<b>/<layer>.h5, one block of columns at a time. Writes data/kernels/<b>/<layer>.h5:
K = X X^T (n, n). `runtime.device` chooses between the CPU and a GPU.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stages.features.store import Features
from stages.kernels import gram
from stages.runtime import command, devices, limits, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the kernel of `probe`."""
    features, runtime = Features(paths.features(probe)), load_params()["runtime"]
    features.provenance.refuse_other_probe(probe, "features", f"extract@{probe.backbone}")
    limits.refuse_kernel(features.n, runtime["memory"])
    watch = timing.Stopwatch()
    with watch:
        bar = tqdm(features.blocks(), desc=f"gram@{probe}", total=features.block_count, unit="block")
        K = stream(bar, features.n, runtime["device"])
    gram.write(paths.kernel(probe), K, features.provenance)
    timing.write(paths.timings("gram", probe), kernel_seconds=watch.seconds)


def stream(blocks: Iterable[NDArray[Any]], n: int, device: str) -> NDArray[np.float64]:
    """Sum K (n, n) over blocks of columns (n, w) on `device`, the parameter `runtime.device`."""
    if devices.may_mean_gpu(device):
        from stages.kernels import gram_accelerator  # here, because torch takes seconds to import

        chosen = devices.choose(device)
        if chosen.type != "cpu" and devices.compute_float64(chosen):
            return gram_accelerator.stream(blocks, n, chosen)
        if chosen.type != "cpu":
            print(f"{chosen.type} has no float64: the Gram matrix is computed on the CPU")
    return gram.stream(blocks, n)


if __name__ == "__main__":
    command.run(main)
