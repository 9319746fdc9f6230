"""Time the kernel against the limit of the processor and against reading the features.

    python -m benchmarks.parts.kernels

Runs after `dvc repro`, for two minutes: streams pool4 of VGG16 (100,352 features; the untrained network
where ImageNet's weights are not available) through `gram.stream`, in turn with only reading its blocks.
The limit is the speed of one large product of float64 matrices, and of one rank-k update with a single
block, projected to the layer. K is symmetric, so it takes n * n * d additions and multiplications in
total, half as many as a plain product.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from benchmarks.harness.measure import VGG16, Row, Times, in_turn, keep
from stages.features.store import Features
from stages.kernels import gram
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

PROBE = Probe(VGG16, "pool4")
SIDE = 4096


def limits(n: int) -> tuple[Times, Times]:
    """The times of a product of two SIDE x SIDE matrices, and of a rank-SIDE update of an n x n one."""
    rng = np.random.default_rng(0)
    square, product = rng.random((SIDE, SIDE)), np.empty((SIDE, SIDE))
    block, K = rng.random((n, SIDE)), np.zeros((n, n))

    def update() -> NDArray[np.float64]:
        return dsyrk(1.0, block.T, trans=1, beta=1.0, c=K.T, lower=1, overwrite_c=1)

    times = in_turn(5, product=lambda: np.matmul(square, square, out=product), update=update)
    return times["product"], times["update"]


def main() -> None:
    """Measure, project and keep the rows."""
    layer = Features(Paths().features(PROBE))
    n, d = layer.n, layer.d
    product, update = limits(n)
    times = in_turn(
        2,
        reading=lambda: deque(layer.blocks(), maxlen=0),
        kernel=lambda: gram.stream(layer.blocks(), n),
    )
    reading, kernel = times["reading"], times["kernel"]
    work = float(n) * n * d
    speeds = {"product": 2 * SIDE**3 / product.median, "update": float(n) * n * SIDE / update.median}

    def against(what: str, name: str) -> Row:
        least = work / speeds[name]
        return Row(
            f"kernel of {PROBE}: {what}",
            f"{kernel}",
            f"{least:.3g} s, projected",
            kernel.median / least,
            note=f"{speeds[name] / 1e9:.0f} GFLOP/s, the kernel {work / kernel.median / 1e9:.0f}",
        )

    rows = [
        against(f"half a product at the speed of {SIDE:,} x {SIDE:,} ones", "product"),
        against(f"rank-{SIDE:,} updates of {n:,} x {n:,}, one after another", "update"),
        Row(
            f"kernel of {PROBE}: reading its {d:,} features",
            f"{kernel}",
            f"{reading}",
            kernel.median / reading.median,
            note="the file is in the page cache; reading includes decompressing",
        ),
    ]
    keep("kernels", "The kernel", rows, gflops={name: speed / 1e9 for name, speed in speeds.items()})


if __name__ == "__main__":
    main()
