"""Extract the features of all layers of a backbone in one forward pass.

    dvc repro extract@vgg16

Reads data/pixels/<view>.h5, data/weights/<b>.pth and the backbone's entry; writes one HDF5 file per
layer, data/features/<b>/<layer>.h5. `runtime.device` chooses the GPU or CPU. An interrupted
run is resumed from data/partial/<b>/ (`make clean-partial` removes that).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from stages.dataset.pixels import Pixels
from stages.features.resume import Progress, digest, exclusive, software
from stages.features.segments import Segments
from stages.networks import inference, models
from stages.networks.layers import Shapes, check_backbones
from stages.networks.taps import Taps
from stages.runtime import command, devices, files, limits, timing
from stages.runtime.errors import StageError
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import Provenance, requested

Layers = Mapping[str, Provenance]  # in order of execution
Rows = Callable[[], dict[str, Tensor]]  # waits for the rows (b, d) of each layer
PACKAGES = ("torch", "torchvision", "timm", "numpy", "h5py", "hdf5plugin")


def main(backbone: str, *, paths: Paths) -> None:
    """Write the feature files of `backbone`."""
    params = load_params()
    entry, precision = params["backbones"][backbone], params["extract"]["precision"]
    pixels = Pixels(paths.pixels(entry["view"]))
    limits.refuse_kernel(len(pixels.keys), params["runtime"]["memory"])
    layers = describe(params, backbone, check_backbones(params)[backbone], pixels.row_digest)
    device = devices.choose(params["runtime"]["device"])
    batches = Batches(backbone, pixels, params, device)
    identity = {
        "pixels": digest(paths.pixels(entry["view"])),
        "weights": digest(paths.weights(backbone)),
        "entry": entry,
        "extract": params["extract"],
        # The following change at most the last bit of a feature.
        "device": devices.describe(device),
        "batch_size": batches.size,
        "threads": torch.get_num_threads(),
        **software(*PACKAGES),
    }
    with exclusive(paths.partial(backbone), identity) as folder:
        network = inference.load_network(entry, paths.weights(backbone), device, precision)
        loaded_bytes = timing.resident_bytes()
        with inference.computing(device, precision):
            seconds = extract(network, layers, batches, folder)
        with files.whole_folder(paths.feature_folder(backbone)) as ready:
            for layer in layers:
                (folder / f"{layer}.h5").replace(ready / f"{layer}.h5")
    spent = {"device": identity["device"], "threads": identity["threads"], "loaded_bytes": loaded_bytes}
    timing.write(paths.timings("extract", backbone), **spent, **seconds)


def describe(
    params: Mapping[str, Any], backbone: str, shapes: Shapes, rows: str
) -> dict[str, Provenance]:
    """The provenance of each layer's features."""
    mean, std = map(tuple, models.normalisation(params["backbones"][backbone]))
    return {
        layer: Provenance(
            probe=Probe(backbone, layer),
            **requested(params, Probe(backbone, layer)),
            mean=mean,
            std=std,
            shape=shape,
            rows=rows,
        )
        for layer, shape in shapes.items()
    }


def extract(network: nn.Module, layers: Layers, batches: "Batches", folder: Path) -> dict[str, Any]:
    """Send all images through `network`; write a file per layer to `folder`; return the seconds.

    Rows of an interrupted run in `folder` are not extracted again.
    """
    n = len(batches.names)
    parts = {layer: Segments(folder / f"{layer}.h5", n, made) for layer, made in layers.items()}
    progress = Progress(folder / "progress.json", list(parts.values()))
    write, join = ({layer: timing.Stopwatch() for layer in layers} for _ in range(2))
    began = time.perf_counter()
    (storage,) = {made.storage for made in layers.values()}
    tapped = {layer: made.tap for layer, made in layers.items()}
    with Taps(network, tapped, getattr(torch, storage)) as taps:

        def spent() -> dict[str, Any]:
            return {
                **timing.load(),
                "pass_seconds": time.perf_counter() - began,
                "read_seconds": batches.reading.seconds,
                "layers": {
                    layer: {
                        "forward_seconds": taps.seconds[layer],  # up to the layer, without copies
                        "copy_seconds": taps.copy_seconds[layer],
                        "write_seconds": write[layer].seconds,  # during the pass
                        "join_seconds": join[layer].seconds,  # after the pass
                    }
                    for layer in layers
                },
            }

        def keep(rows: Rows) -> None:
            for layer, values in rows().items():
                with write[layer]:
                    parts[layer].append(values.numpy())
            if progress.keep(spent()):
                require_space(f"extract@{batches.backbone}", folder, parts, n)

        write_behind(batches.through(taps, progress.rows), keep)
        for layer, segments in parts.items():
            with join[layer]:
                segments.join()
        return progress.total(spent())


def require_space(what: str, folder: Path, parts: Mapping[str, Segments], n: int) -> None:
    """Raise `StageError` if the remaining rows will not fit on the disk, judged by the first batch.

    While the segments of a layer are joined, the disk holds the layer twice.
    """
    layer_bytes = [segments.bytes / segments.rows * n for segments in parts.values()]
    written = sum(segments.bytes for segments in parts.values())
    limits.require_space(folder, sum(layer_bytes) - written + max(layer_bytes), what)


class Batches:
    """All images in row order, a batch at a time; `reading` times reading and normalising."""

    def __init__(
        self, backbone: str, pixels: Pixels, params: Mapping[str, Any], device: torch.device
    ) -> None:
        self.backbone, self.names, self._device = backbone, pixels.names, device
        self.size = devices.batch_size(params["runtime"]["batch_size"], device)
        self.reading = timing.Stopwatch()
        self._pixels = inference.upload(pixels, device)
        self._normalise = inference.Normalise(params["backbones"][backbone], device)

    def through(self, taps: Taps, start: int) -> Iterator[Rows]:
        """Send the batches from row `start` on through the network; halve a batch that is too large."""
        with tqdm(
            total=len(self.names), initial=start, desc=f"extract@{self.backbone}", unit="image"
        ) as bar:
            while start < len(self.names):
                names = self.names[start : start + self.size]
                try:
                    with self.reading:
                        batch = self._normalise(self._pixels[start : start + self.size])
                    rows = taps.start(batch, names)
                except torch.OutOfMemoryError as error:
                    self._halve(error)
                    continue
                yield rows
                start += len(names)
                bar.update(len(names))

    def _halve(self, error: torch.OutOfMemoryError) -> None:
        if self.size == 1:
            raise StageError(
                expected=f"one image to go through {self.backbone} on {self._device}",
                found=str(error),
                cause="a GPU with too little memory, or a GPU in use by others",
                do="set runtime.device: cpu in params.yaml, or a view of fewer pixels",
            ) from error
        tqdm.write(f"{self.size} images do not fit in the memory of {self._device}: half of them")
        self.size //= 2


def write_behind(batches: Iterator[Rows], keep: Callable[[Rows], None]) -> None:
    """Keep each batch while the next one goes through the network; at most one batch waits."""
    with ThreadPoolExecutor(1) as behind:
        writing: Future[None] | None = None
        for rows in batches:
            if writing:
                writing.result()
            writing = behind.submit(keep, rows)
        if writing:
            writing.result()


if __name__ == "__main__":
    command.run(main)
