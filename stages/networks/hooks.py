"""Hooks on a network's modules for as long as a block lasts, and a forward pass for their sake."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from stages.runtime.errors import StageError


@contextmanager
def attached(handles: Iterable[RemovableHandle]) -> Iterator[None]:
    """Keep the hooks behind `handles` until the block ends, then remove them."""
    held = list(handles)
    try:
        yield
    finally:
        for handle in held:
            handle.remove()


@torch.inference_mode()
def trial_pass(network: nn.Module, size: int) -> None:
    """Send one black image of size x size through; on the meta device that computes nothing.

    Raises `StageError` where the network refuses the image size.
    """
    device = next((parameter.device for parameter in network.parameters()), None)
    try:
        network(torch.zeros(1, 3, size, size, device=device))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise StageError(
            expected=f"the network to take images of {size} x {size}",
            found=str(error) or type(error).__name__,
            cause="a network made for another image size, or one whose shapes depend on what it sees",
            do="change data.image_size, or the backbone's model, in params.yaml",
        ) from error
