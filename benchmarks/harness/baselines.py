"""Other ways to the features of a network, which `benchmarks.parts.extraction` compares with ours.

    python -m benchmarks.harness.baselines study <folder> <backbone>

The benchmark runs this command in a process of its own. Every way answers in seconds per image.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.harness.measure import Ask, process
from benchmarks.harness.miniature import PROJECT, Miniature
from stages.dataset.pixels import Pixels
from stages.networks import inference, models
from stages.networks.hooks import attached

CPU = torch.device("cpu")
BATCH = 32  # images in a batch, for every way
FEW = 16  # images for the slow ways


def batch(miniature: Miniature, count: int) -> torch.Tensor:
    """The first `count` images (count, 3, s, s), normalised, in torch's default layout."""
    pixels = Pixels(miniature.paths("images").pixels(miniature.entry["view"]))[:count]
    return inference.Normalise(miniature.entry, CPU)(pixels).contiguous()


class _Reached(Exception):  # noqa: N818  (no error: the way to leave a forward pass early)
    pass


@contextlib.contextmanager
def cut(network: nn.Module, path: str) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """Give a function from a batch to the output of the module at `path`; the pass stops there."""
    outputs: list[torch.Tensor] = []

    def stop(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        outputs[:] = [output]
        raise _Reached

    def run(images: torch.Tensor) -> torch.Tensor:
        with contextlib.suppress(_Reached):
            network(images)
        return outputs.pop()

    with attached([network.get_submodule(path).register_forward_hook(stop)]):
        yield run


def bare(miniature: Miniature, network: nn.Module, deepest: str, precision: str, count: int) -> Ask:
    """The bare pass: `network` up to the module `deepest` on `count` images; nothing is kept."""
    normalise = inference.Normalise(miniature.entry, CPU)
    pixels = Pixels(miniature.paths("images").pixels(miniature.entry["view"]))[:count]

    @torch.inference_mode()
    def run(_: str = "") -> float:
        start = time.perf_counter()
        with cut(network, deepest) as forward, inference.computing(CPU, precision):
            for first in range(0, len(pixels), BATCH):
                forward(normalise(pixels[first : first + BATCH]))
        return (time.perf_counter() - start) / len(pixels)

    return run


def study(miniature: Miniature) -> Ask:
    """The study's way: a pass for each layer over FEW images; it writes study.npz for comparison."""
    network = models.build(miniature.entry["model"])
    network.load_state_dict(torch.load(PROJECT.weights(miniature.backbone), weights_only=True))
    loader = DataLoader(TensorDataset(batch(miniature, FEW)), batch_size=BATCH)

    @torch.no_grad()
    def features_of(path: str) -> NDArray[np.float32]:
        with cut(network, path) as forward:
            return torch.cat([forward(part).flatten(1) for (part,) in loader]).numpy()

    def run(_: str = "") -> float:
        start = time.perf_counter()
        features = {layer: features_of(path) for layer, path in miniature.layers.items()}
        seconds = time.perf_counter() - start
        np.savez(miniature.folder / "study.npz", **features)
        return seconds / FEW

    return run


def apart(way: str, miniature: Miniature, *more: str) -> contextlib.AbstractContextManager[Ask]:
    """A way in a process of its own, which leaves malloc as it is (`devices.choose` is not called)."""
    command = [sys.executable, "-m", "benchmarks.harness.baselines"]
    return process([*command, way, str(miniature.folder), miniature.backbone, *more])


def main(way: str, folder: str, backbone: str, precision: str = "float32", deepest: str = "") -> None:
    """Run `way` at each line of standard input: `study`, or `plain` up to the module `deepest`."""
    miniature = Miniature(Path(folder), backbone)
    if way == "study":
        run = study(miniature)
    else:
        # Plain code leaves the weights in float32, and autocast rounds them at every pass.
        network = inference.load_network(miniature.entry, PROJECT.weights(backbone), CPU, "float32")
        run = bare(miniature, network, deepest, precision, BATCH)
    for _ in sys.stdin:
        print(run(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
