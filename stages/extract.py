"""Extract the features of all of a backbone's layers in one forward pass.

    dvc repro extract@vgg16

Reads data/images.h5, data/weights/<b>.pth and the backbone's entry; writes one HDF5 file per layer,
data/features/<b>/<layer>.h5. On a GPU where there is one (`runtime.device`).
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from stages.core import command, config, inference, output, study, timing
from stages.core.activations import Taps
from stages.core.features import Writer
from stages.core.pixels import Pixels


def main(backbone: str, *, pixels: Path, weights: Path, features: Path, timings: Path) -> None:
    """Write the feature files of `backbone`."""
    params = config.load()
    shapes = study.check(params)[backbone]
    entry, storage = params["backbones"][backbone], params["extract"]["storage"]
    device = inference.choose_device(params["runtime"]["device"])
    images = Pixels(pixels)
    network = inference.load_network(entry, weights, device)
    loaded_bytes = timing.resident_bytes()
    read, write = timing.Stopwatch(), {layer: timing.Stopwatch() for layer in shapes}
    with output.whole_folder(features) as folder, ExitStack() as stack:
        taps = stack.enter_context(Taps(network, entry["layers"], getattr(torch, storage)))
        writers = {
            layer: stack.enter_context(open_writer(folder, backbone, layer, params, shape, images))
            for layer, shape in shapes.items()
        }
        for names, batch in batches(backbone, images, params, device, read):
            for layer, rows in taps(batch, names).items():
                with write[layer]:
                    writers[layer].append(rows.numpy())
    timing.write(
        timings,
        device=inference.describe_device(device),
        loaded_bytes=loaded_bytes,
        read_seconds=read.seconds,
        layers={layer: layer_seconds(taps, layer, write[layer]) for layer in shapes},
    )


def batches(
    backbone: str,
    images: Pixels,
    params: Mapping[str, Any],
    device: torch.device,
    watch: timing.Stopwatch,
) -> Iterator[tuple[list[str], Tensor]]:
    """Yield names and normalised images (b, 3, s, s) in row order, timing it on `watch`."""
    size = params["runtime"]["batch_size"]
    normalise = inference.Normalise(params["backbones"][backbone], device)
    with tqdm(total=len(images.names), desc=backbone, unit="image") as bar:
        for start in range(0, len(images.names), size):
            with watch:
                batch = normalise(images[start : start + size])
            yield images.names[start : start + size], batch
            bar.update(len(batch))


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
            "shape": shape,
            "rows": images.rows,
        },
    )


def layer_seconds(taps: Taps, layer: str, write: timing.Stopwatch) -> dict[str, float]:
    """What a pass cut at this layer costs, but for reading the pixels."""
    return {
        "forward_seconds": taps.seconds[layer],
        "write_seconds": taps.copy_seconds[layer] + write.seconds,
    }


if __name__ == "__main__":
    command.run(main)
