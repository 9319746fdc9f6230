"""Temporary hooks on the modules of a network, and a forward pass that only runs the hooks."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from stages.runtime.errors import StageError


@contextmanager
def attached(handles: Iterable[RemovableHandle]) -> Iterator[None]:
    """Register hooks by consuming `handles`; remove the hooks when the block ends."""
    registered = list(handles)
    try:
        yield
    finally:
        for handle in registered:
            handle.remove()


@torch.inference_mode()
def trial_pass(network: nn.Module, size: int) -> None:
    """Send one black image of size x size through; on the meta device, nothing is computed.

    Raises `StageError` if the network refuses the image size.
    """
    device = next((parameter.device for parameter in network.parameters()), None)
    try:
        network(torch.zeros(1, 3, size, size, device=device))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise StageError(
            expected=f"the network to take images of {size} x {size}",
            found=str(error) or type(error).__name__,
            cause="a network for another image size, or one whose shapes depend on the pixel values",
            do="give the backbone a view of another size, or another model, in params.yaml",
        ) from error
