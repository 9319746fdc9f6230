"""Tell how alike the features of every two layers are.

    dvc repro similarity

Reads the index and the kernels of all `probes`, in one pass. Leaves out a probe that has no kernel, or
one of other parameters, and says so. Writes data/similarity.csv: for every two probes, linear CKA and
its unbiased estimate (kernels/similarity.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stages.dataset import index
from stages.kernels import gram, similarity
from stages.runtime import command, files, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import changed, refuse_other_rows, requested

BLOCK_BYTES = 2**28  # of all kernels together


def main(*, paths: Paths) -> None:
    """Write the similarity of every two probes."""
    params, images = load_params(), index.read(paths.index)
    n, rows = len(images.keys), index.digest(images.keys)
    measuring = timing.Stopwatch()
    with measuring, ExitStack() as stack:
        kernels: dict[Probe, gram.Stored] = {}
        for probe in map(Probe.parse, params["probes"]):
            if not paths.kernel(probe).exists():
                print(f"{probe} has no kernel and is left out")
                continue
            kernel = stack.enter_context(gram.Stored(paths.kernel(probe), probe))
            if changed(kernel.provenance.record(), requested(params, probe)):
                print(f"{probe} has a kernel of other parameters and is left out")
                continue
            refuse_other_rows(
                "a kernel", "rows", kernel.provenance.rows, rows, f"dvc repro gram@{probe}"
            )
            kernels[probe] = kernel
        found = similarity.cka(blocks([*kernels.values()], n), len(kernels), n)
    files.write_csv(
        paths.similarity,
        ["one", "other", "cka", "unbiased_cka"],
        (
            [one, other, *(f"{matrix[i, j]:.6f}" for matrix in found)]
            for (i, one), (j, other) in combinations(enumerate(kernels), 2)
        ),
    )
    timing.write(paths.timings("similarity"), all_seconds=measuring.seconds)


def blocks(kernels: Sequence[gram.Stored], n: int) -> Iterator[NDArray[np.float64]]:
    """Yield the same rows of all kernels (n, n), a block (p, m, n) at a time."""
    if not kernels:
        return
    chunk = kernels[0].chunk
    m = chunk * max(1, BLOCK_BYTES // (8 * len(kernels) * n * chunk))
    for row in tqdm(range(0, n, m), desc="similarity", unit="block"):
        yield np.stack([kernel[row : row + m] for kernel in kernels])


if __name__ == "__main__":
    command.run(main)
