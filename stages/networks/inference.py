"""A backbone ready to run: the network with its weights, and the images as it wants them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.networks import models
from stages.runtime import devices


def load_network(
    entry: Mapping[str, Any], weights: Path, device: torch.device, precision: str = "float32"
) -> nn.Module:
    """The entry's network with the state dict in `weights`, ready to run on `device`, in `computing`."""
    network = models.build(entry["model"])
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True, mmap=True))
    if precision == "bfloat16":
        # What autocast would do to them for each batch anew. (Not to subclasses: some compute with
        # their weights before they use them.)
        for module in network.modules():
            if type(module) in (nn.Conv2d, nn.Linear):
                module.to(torch.bfloat16)
    # The layout that convolutions are fastest in, on the CPU and on the GPU.
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def computing(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """The context in which a network computes with `precision`: float32 or bfloat16.

    In bfloat16 (8 significant bits), matrix products and convolutions take rounded factors and sum in
    float32; what needs more stays float32: torch's autocast.
    """
    if precision == "float32":
        return nullcontext()
    if not devices.compute_bfloat16(device):
        print(f"{devices.describe(device)} has no bfloat16: extract.precision: float32 is faster here")
    return torch.autocast(device.type, torch.bfloat16)


class Pixels(Protocol):
    """What is read of `dataset.pixels.Pixels`: pixels (b, c, s, s) by rows, and the bytes of all."""

    nbytes: int

    def __getitem__(self, rows: slice) -> NDArray[np.uint8]: ...


def upload(images: Pixels, device: torch.device) -> Pixels | Tensor:
    """All pixels (n, c, s, s), in a GPU's memory where they take less than a quarter of it."""
    if device.type != "cuda" or 4 * images.nbytes > torch.cuda.mem_get_info(device)[0]:
        return images
    return torch.as_tensor(images[:], device=device)


class Normalise:
    """Turns pixels into what a network was trained on: (p / 255 - mean) / std, channel by channel."""

    def __init__(self, entry: Mapping[str, Any], device: torch.device) -> None:
        self.mean, self.std = models.normalisation(entry)
        self._mean, self._std = (
            torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (self.mean, self.std)
        )

    def __call__(self, pixels: NDArray[np.uint8] | Tensor, *, normalised: bool = True) -> Tensor:
        """Take uint8 pixels (b, c, s, s), c 1 or 3; return (b, 3, s, s) on the device.

        A grey channel is repeated for the three that the network wants. Not `normalised`, values
        stay between 0 and 1.
        """
        rgb = torch.as_tensor(pixels, device=self._mean.device).float().div(255).expand(-1, 3, -1, -1)
        batch = (rgb - self._mean) / self._std if normalised else rgb
        return batch.contiguous(memory_format=torch.channels_last)
