"""Activation maps: which layer comes first, and a layer's features as pictures."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from stages.networks.hooks import attached, trial_pass

Maps = NDArray[np.float32]  # (m images, c channels, height, width)


def first_convolution(network: nn.Module, size: int) -> str | None:
    """The path of the first layer with weights of its own, if that is a 2-D convolution; else None.

    First in the order of a forward pass, not of the module list. Costs nothing on the meta device.
    """
    first: list[tuple[str, nn.Module]] = []

    def hook(path: str) -> torch.utils.hooks.RemovableHandle:
        module = network.get_submodule(path)
        return module.register_forward_pre_hook(lambda *_: first.append((path, module)))

    weighted = [
        path
        for path, module in network.named_modules()
        if path and any(True for _ in module.parameters(recurse=False))
    ]
    with attached(map(hook, weighted)):
        trial_pass(network, size)
    # A network may begin with a position or class token; what it owns itself is no layer.
    path, module = next(((p, m) for p, m in first if not any(m.children())), ("", network))
    return path if isinstance(module, nn.Conv2d) else None


def as_maps(features: NDArray[np.float32], shape: tuple[int, ...]) -> Maps | None:
    """Flattened features (m, d) of a layer of this `shape` as maps (m, c, h, w), or None.

    (c, h, w) are maps as they are; (h, w, c), which has its equal sides in front, is turned (Swin);
    t tokens (t, c) are laid out as the largest square, without the class and register tokens that
    stand before the patches (vision transformers). A layer without a plane, such as 4,096 numbers or
    1 x 1 x 2,048, gives None.
    """
    m = len(features)
    full = features.reshape(m, *shape)
    if len(shape) == 2:
        side = math.isqrt(shape[0])
        full = full[:, shape[0] - side**2 :].reshape(m, side, side, shape[1]).transpose(0, 3, 1, 2)
    elif len(shape) == 3 and shape[0] == shape[1] != shape[2]:
        full = full.transpose(0, 3, 1, 2)
    if full.ndim != 4 or full.shape[2] * full.shape[3] == 1:
        return None
    return full


def most_varied(maps: Maps, count: int) -> NDArray[np.int64]:
    """The `count` channels that vary most over the plane, on average over the images; descending."""
    variance = maps.astype(np.float64).var(axis=(2, 3)).mean(axis=0)
    return np.argsort(-variance, kind="stable")[:count]
