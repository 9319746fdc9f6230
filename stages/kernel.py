"""Compute the Gram matrix of one layer's features in one streamed pass.

    dvc repro kernel@vgg16/pool5

Reads data/features/<b>/<layer>.h5, a block of columns at a time; writes data/kernels/<b>/<layer>.h5:
K = X X^T (n, n).
"""

from pathlib import Path

from tqdm import tqdm

from stages.core import command, gram, output, timing
from stages.core.features import Features


def main(probe: str, *, features: Path, kernel: Path, timings: Path) -> None:
    """Write the kernel of `probe`."""
    layer = Features(features)
    watch = timing.Stopwatch()
    with watch:
        bar = tqdm(layer.blocks(), desc=probe, total=layer.block_count, unit="block")
        K = gram.stream(bar, layer.n)
    with output.whole_file(kernel) as partial:
        gram.write(partial, K, {**layer.attributes, "feature_dim": layer.d})
    timing.write(timings, kernel_seconds=watch.seconds)


if __name__ == "__main__":
    command.run(main)
