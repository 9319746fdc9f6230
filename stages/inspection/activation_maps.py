"""Activation maps: the first convolution, and a layer's features as maps."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from stages.networks.hooks import attached, trial_pass

Maps = NDArray[np.float32]  # (m images, c channels, height, width)


def first_convolution(network: nn.Module, size: int) -> str | None:
    """The path of the first layer with parameters in a forward pass, if it is a 2-D convolution.

    Nothing is computed on the meta device. Raises `StageError` if the network refuses the image size.
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
    # Parameters of the network itself, such as a class token, belong to no layer.
    path, module = next(((p, m) for p, m in first if not any(m.children())), ("", network))
    return path if isinstance(module, nn.Conv2d) else None


def as_maps(features: NDArray[np.float32], shape: tuple[int, ...]) -> Maps | None:
    """Flattened features (m, d) of a layer of this `shape` as maps (m, c, h, w), or None.

    (c, h, w) stays. (h, w, c), recognised by h = w, is transposed (Swin). Of t tokens (t, c), the last
    ones form the largest square; class and register tokens come first and are left out (vision
    transformers). A layer without a plane, such as (4096,) or (2048, 1, 1), gives None.
    """
    m = len(features)
    maps = features.reshape(m, *shape)
    if len(shape) == 2:
        side = math.isqrt(shape[0])
        maps = maps[:, shape[0] - side**2 :].reshape(m, side, side, shape[1]).transpose(0, 3, 1, 2)
    elif len(shape) == 3 and shape[0] == shape[1] != shape[2]:
        maps = maps.transpose(0, 3, 1, 2)
    if maps.ndim != 4 or maps.shape[2] * maps.shape[3] == 1:
        return None
    return maps


def most_varied(maps: Maps, count: int) -> NDArray[np.int64]:
    """The `count` channels of the largest variance over the plane (mean over the images)."""
    variance = maps.astype(np.float64).var(axis=(2, 3)).mean(axis=0)
    return np.argsort(-variance, kind="stable")[:count]
