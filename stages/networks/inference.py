"""A backbone ready to run: the network with its weights, and its normalised input."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.networks import head, models
from stages.runtime import devices


def load_network(
    entry: Mapping[str, Any], weights: Path, device: torch.device, precision: str = "float32"
) -> nn.Module:
    """The network of `entry` with the state dict in `weights`, on `device`; run it in `computing`.

    Raises `StageError` if a layer of the entry needs what weights without a head lack.
    """
    network = models.build(entry["model"])
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True, mmap=True))
    head.refuse_without(entry, network.state_dict())
    if precision == "bfloat16":
        # Otherwise autocast converts these weights for each batch. Subclasses are left out, as some
        # compute with their weights before they apply them.
        for module in network.modules():
            if type(module) in (nn.Conv2d, nn.Linear):
                module.to(torch.bfloat16)
    # In this layout, convolutions are fastest on the CPU and on a GPU.
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def computing(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """A context in which a network computes in `precision`: float32 or bfloat16.

    bfloat16 is torch's autocast: matrix products and convolutions round their factors to 8 significant
    bits and sum in float32; other operations stay in float32.
    """
    if precision == "float32":
        return nullcontext()
    if not devices.compute_bfloat16(device):
        print(f"{devices.describe(device)} has no bfloat16: extract.precision: float32 is faster here")
    return torch.autocast(device.type, torch.bfloat16)


class Pixels(Protocol):
    """The part of `dataset.pixels.Pixels` that is used here: pixels (b, c, s, s), and their bytes."""

    nbytes: int

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]: ...


def upload(images: Pixels, device: torch.device) -> Pixels | Tensor:
    """All pixels (n, c, s, s), copied to the GPU if they take less than a quarter of its free memory.

    The memory of mps is that of the CPU.
    """
    if device.type in ("cpu", "mps") or 4 * images.nbytes > torch.accelerator.get_memory_info(device)[0]:
        return images
    return torch.as_tensor(images[:], device=device)


class Normalise:
    """The normalisation that a network was trained with: (p / 255 - mean) / std for each channel.

    With `channels: bgr`, as in networks of Caffe, blue is the first channel and red the last; `mean` and
    `std` are in that order, and `colours` has the index of each channel in (red, green, blue).
    """

    def __init__(self, entry: Mapping[str, Any], device: torch.device) -> None:
        self.mean, self.std = models.normalisation(entry)
        self.colours = [2, 1, 0] if entry.get("channels") == "bgr" else [0, 1, 2]
        self._mean, self._std = (
            torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (self.mean, self.std)
        )

    def __call__(self, pixels: NDArray[np.uint8] | Tensor, *, normalised: bool = True) -> Tensor:
        """Turn uint8 pixels (b, c, s, s), grey or RGB, into float32 (b, 3, s, s) on the device.

        A grey channel is repeated three times. Without `normalised`, the values are p / 255.
        """
        shown = torch.as_tensor(pixels, device=self._mean.device).float().div(255).expand(-1, 3, -1, -1)
        shown = shown.flip(1) if self.colours[0] else shown
        batch = (shown - self._mean) / self._std if normalised else shown
        return batch.contiguous(memory_format=torch.channels_last)
