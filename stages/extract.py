"""Extract the features of all of a backbone's layers in one forward pass.

    dvc repro extract@vgg16

Reads data/images.h5, data/weights/<b>.pth and the backbone's entry; writes one HDF5 file per layer,
data/features/<b>/<layer>.h5. On a GPU where there is one (`runtime.device`).
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from stages.core import backbones, command, config, devices, inference, memory, output, study, timing
from stages.core.activations import Taps
from stages.core.command import StageError
from stages.core.features import Writer
from stages.core.pixels import Pixels

Rows = Callable[[], dict[str, Tensor]]  # waits for each layer's rows (b, d)


def main(backbone: str, *, pixels: Path, weights: Path, features: Path, timings: Path) -> None:
    """Write the feature files of `backbone`."""
    params, images = config.load(), Pixels(pixels)
    memory.refuse_kernel(len(images.names), params["runtime"]["memory"])
    shapes = study.check(params)[backbone]
    device = devices.choose(params["runtime"]["device"])
    entry, precision = params["backbones"][backbone], params["extract"]["precision"]
    network = inference.load_network(entry, weights, device, precision)
    loaded_bytes = timing.resident_bytes()
    with output.whole_folder(features) as folder, inference.computing(device, precision):
        took = extract(backbone, network, shapes, images, folder, params, device)
    timing.write(timings, device=devices.describe(device), loaded_bytes=loaded_bytes, **took)


def extract(
    backbone: str,
    network: nn.Module,
    shapes: study.Shapes,
    images: Pixels,
    folder: Path,
    params: Mapping[str, Any],
    device: torch.device,
) -> dict[str, Any]:
    """Send all images through `network`, write a file for each layer to `folder`; return the seconds."""
    layers, storage = params["backbones"][backbone]["layers"], params["extract"]["storage"]
    everything, write = timing.Stopwatch(), {layer: timing.Stopwatch() for layer in shapes}
    with everything, ExitStack() as stack:
        taps = stack.enter_context(Taps(network, layers, getattr(torch, storage)))
        writers = {
            layer: stack.enter_context(open_writer(folder, backbone, layer, params, shape, images))
            for layer, shape in shapes.items()
        }
        batches = Batches(backbone, images, params, device)
        write_behind(batches.through(taps), writers, write)
    return {
        "pass_seconds": everything.seconds,
        "read_seconds": batches.reading.seconds,
        "layers": {layer: layer_seconds(taps, layer, write[layer]) for layer in shapes},
    }


class Batches:
    """All images in row order, a batch at a time; `reading` times how they are read and normalised."""

    def __init__(
        self, backbone: str, images: Pixels, params: Mapping[str, Any], device: torch.device
    ) -> None:
        self._backbone, self._names, self._device = backbone, images.names, device
        self._pixels = inference.upload(images, device)
        self._normalise = inference.Normalise(params["backbones"][backbone], device)
        self._size = devices.batch_size(params["runtime"]["batch_size"], device)
        self.reading = timing.Stopwatch()

    def through(self, taps: Taps) -> Iterator[Rows]:
        """Send each batch through the network; where it does not fit in a GPU's memory, by halves."""
        start = 0
        with tqdm(total=len(self._names), desc=self._backbone, unit="image") as bar:
            while start < len(self._names):
                names = self._names[start : start + self._size]
                try:
                    with self.reading:
                        batch = self._normalise(self._pixels[start : start + self._size])
                    rows = taps.start(batch, names)
                except torch.OutOfMemoryError as error:
                    self._halve(error)
                    continue
                yield rows
                start += len(names)
                bar.update(len(names))

    def _halve(self, error: torch.OutOfMemoryError) -> None:
        if self._size == 1:
            raise StageError(
                expected=f"one image to go through {self._backbone} on {self._device}",
                found=str(error),
                cause="a GPU with too little memory, or one that others use",
                do="set runtime.device: cpu in params.yaml, or lower data.image_size",
            ) from error
        tqdm.write(f"{self._size} images do not fit in the memory of {self._device}: half of them")
        self._size //= 2


def write_behind(
    batches: Iterator[Rows], writers: Mapping[str, Writer], watches: Mapping[str, timing.Stopwatch]
) -> None:
    """Write each batch while the next one goes through the network; one waits at most."""

    def write(rows: Rows) -> None:
        for layer, found in rows().items():
            with watches[layer]:
                writers[layer].append(found.numpy())

    with ThreadPoolExecutor(1) as behind:
        writing: Future[None] | None = None
        for rows in batches:
            if writing:
                writing.result()
            writing = behind.submit(write, rows)
        if writing:
            writing.result()


def open_writer(
    folder: Path,
    backbone: str,
    layer: str,
    params: Mapping[str, Any],
    shape: tuple[int, ...],
    images: Pixels,
) -> Writer:
    """The layer's feature file; it says what it holds, and nothing that differs from run to run."""
    entry = params["backbones"][backbone]
    mean, std = backbones.normalisation(entry)
    return Writer(
        folder / f"{layer}.h5",
        n=len(images.names),
        d=study.features(shape),
        dtype=params["extract"]["storage"],
        attributes={
            "backbone": backbone,
            "layer": layer,
            "model": entry["model"],
            "weights": entry["weights"],
            "module": entry["layers"][layer],
            "precision": params["extract"]["precision"],
            "mean": mean,
            "std": std,
            "shape": shape,
            "rows": images.rows,
        },
    )


def layer_seconds(taps: Taps, layer: str, write: timing.Stopwatch) -> dict[str, float]:
    """The pass up to this layer, without copies; its copies; and writing it, beside the pass."""
    return {
        "forward_seconds": taps.seconds[layer],
        "copy_seconds": taps.copy_seconds[layer],
        "write_seconds": write.seconds,
    }


if __name__ == "__main__":
    command.run(main)
