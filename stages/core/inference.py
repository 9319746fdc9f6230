"""A backbone ready to run: the device, the network with its weights, and the images as it wants them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.core import backbones, timing
from stages.core.command import StageError


def choose_device(wanted: str) -> torch.device:
    """The device that `runtime.device` names; `auto` is a GPU where there is one.

    Raises `StageError` where a GPU is asked for and there is none. On a GPU, TensorFloat-32 is off and
    the algorithms are deterministic: features are float32 arithmetic everywhere.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(wanted)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise StageError(
            expected=f"the GPU that runtime.device: {wanted} asks for",
            found=f"{torch.cuda.device_count()} CUDA devices",
            cause="no GPU here, or a driver that torch cannot use",
            do="set runtime.device: auto or cpu in params.yaml",
        )
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    return device


def describe_device(device: torch.device) -> str:
    """The GPU's name, or the processor as `timing.machine` has it."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, {timing.machine()}"
    return timing.machine()


def load_network(entry: Mapping[str, Any], weights: Path, device: torch.device) -> nn.Module:
    """The entry's network with the state dict in `weights`, ready to run on `device`."""
    network = backbones.build(entry["model"])
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True, mmap=True))
    # The layout that convolutions are fastest in, on the CPU and on the GPU.
    return network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


class Normalise:
    """Turns pixels into what a network was trained on: (p / 255 - mean) / std, channel by channel."""

    def __init__(self, entry: Mapping[str, Any], device: torch.device) -> None:
        self.mean, self.std = backbones.normalisation(entry)
        self._mean, self._std = (
            torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (self.mean, self.std)
        )

    def __call__(self, pixels: NDArray[np.uint8], *, normalised: bool = True) -> Tensor:
        """Take pixels (b, c, s, s), c 1 or 3; return (b, 3, s, s) on the device.

        A grey channel is repeated for the three that the network wants. Not `normalised`, values
        stay between 0 and 1.
        """
        rgb = torch.from_numpy(pixels).to(self._mean.device).float().div(255).expand(-1, 3, -1, -1)
        batch = (rgb - self._mean) / self._std if normalised else rgb
        return batch.contiguous(memory_format=torch.channels_last)
