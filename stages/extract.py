"""Extract the features of all of a backbone's layers in one forward pass.

    dvc repro extract@vgg16

Reads data/images.h5, data/weights/<b>.pth and the backbone's entry; writes one HDF5 file per layer,
data/features/<b>/<layer>.h5. On a GPU where there is one (`runtime.device`). What was cut off goes on
after the last whole batch in data/partial/<b>/ (`make clean-partial` removes that).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from stages.dataset.pixels import Pixels
from stages.features.resume import Progress, claimed, digest, software
from stages.features.segments import Segments
from stages.networks import inference, models
from stages.networks.layers import Shapes, check_backbones, feature_count
from stages.networks.taps import Taps
from stages.runtime import command, devices, files, limits, timing
from stages.runtime.errors import StageError
from stages.runtime.params import load_params

Rows = Callable[[], dict[str, Tensor]]  # waits for each layer's rows (b, d)
PACKAGES = ("torch", "torchvision", "timm", "numpy", "h5py", "hdf5plugin")


def main(
    backbone: str, *, pixels: Path, weights: Path, features: Path, partial: Path, timings: Path
) -> None:
    """Write the feature files of `backbone`."""
    params, images = load_params(), Pixels(pixels)
    limits.refuse_kernel(len(images.names), params["runtime"]["memory"])
    shapes = check_backbones(params)[backbone]
    device = devices.choose(params["runtime"]["device"])
    entry, precision = params["backbones"][backbone], params["extract"]["precision"]
    origin = {
        "pixels": digest(pixels),
        "weights": digest(weights),
        "entry": entry,
        "extract": params["extract"],
        # Not what is computed, but in the last bit how.
        "device": devices.describe(device),
        "batch_size": devices.batch_size(params["runtime"]["batch_size"], device),
        **software(*PACKAGES),
    }
    with claimed(partial, origin) as folder:
        network = inference.load_network(entry, weights, device, precision)
        loaded_bytes = timing.resident_bytes()
        with inference.computing(device, precision):
            took = extract(backbone, network, shapes, images, folder, params, device)
        with files.whole_folder(features) as ready:
            for layer in shapes:
                (folder / f"{layer}.h5").replace(ready / f"{layer}.h5")
    timing.write(timings, device=devices.describe(device), loaded_bytes=loaded_bytes, **took)


def extract(
    backbone: str,
    network: nn.Module,
    shapes: Shapes,
    images: Pixels,
    folder: Path,
    params: Mapping[str, Any],
    device: torch.device,
) -> dict[str, Any]:
    """Send all images through `network`, write a file for each layer to `folder`; return the seconds.

    Of what an earlier run left in `folder`, nothing is done again.
    """
    layers, storage = params["backbones"][backbone]["layers"], params["extract"]["storage"]
    parts = {
        layer: open_segments(folder, backbone, layer, params, shape, images)
        for layer, shape in shapes.items()
    }
    progress = Progress(folder / "progress.json", list(parts.values()))
    write, join = ({layer: timing.Stopwatch() for layer in shapes} for _ in range(2))
    began = time.perf_counter()
    with Taps(network, layers, getattr(torch, storage)) as taps:
        batches = Batches(backbone, images, params, device)

        def spent() -> dict[str, Any]:
            return {
                "pass_seconds": time.perf_counter() - began,
                "read_seconds": batches.reading.seconds,
                "layers": {
                    layer: layer_seconds(taps, layer, write[layer], join[layer]) for layer in shapes
                },
            }

        def keep(rows: Rows) -> None:
            for layer, found in rows().items():
                with write[layer]:
                    parts[layer].append(found.numpy())
            if progress.keep(spent()):
                require_space(backbone, folder, list(parts.values()), len(images.names))

        write_behind(batches.through(taps, progress.rows), keep)
        for layer, segments in parts.items():
            with join[layer]:
                segments.join()
        return progress.total(spent())


def require_space(backbone: str, folder: Path, parts: Sequence[Segments], n: int) -> None:
    """Refuse to go on where what is still to be written does not fit, by what the first batch took.

    While a layer's segments are joined it is there twice.
    """
    whole = [segments.bytes / segments.rows * n for segments in parts]
    limits.require(folder, sum(whole) - sum(s.bytes for s in parts) + max(whole), f"extract@{backbone}")


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

    def through(self, taps: Taps, start: int) -> Iterator[Rows]:
        """Send each batch from row `start` on through the network.

        One that does not fit in a GPU's memory goes by halves.
        """
        with tqdm(total=len(self._names), initial=start, desc=self._backbone, unit="image") as bar:
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


def write_behind(batches: Iterator[Rows], keep: Callable[[Rows], None]) -> None:
    """Keep each batch while the next one goes through the network; one waits at most."""
    with ThreadPoolExecutor(1) as behind:
        writing: Future[None] | None = None
        for rows in batches:
            if writing:
                writing.result()
            writing = behind.submit(keep, rows)
        if writing:
            writing.result()


def open_segments(
    folder: Path,
    backbone: str,
    layer: str,
    params: Mapping[str, Any],
    shape: tuple[int, ...],
    images: Pixels,
) -> Segments:
    """The layer's rows; their file says what it holds, and nothing that differs from run to run."""
    entry = params["backbones"][backbone]
    mean, std = models.normalisation(entry)
    return Segments(
        folder / f"{layer}.h5",
        n=len(images.names),
        d=feature_count(shape),
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


def layer_seconds(
    taps: Taps, layer: str, write: timing.Stopwatch, join: timing.Stopwatch
) -> dict[str, float]:
    """The pass up to this layer, without copies; its copies; writing it beside the pass, and after."""
    return {
        "forward_seconds": taps.seconds[layer],
        "copy_seconds": taps.copy_seconds[layer],
        "write_seconds": write.seconds,
        "join_seconds": join.seconds,
    }


if __name__ == "__main__":
    command.run(main)
