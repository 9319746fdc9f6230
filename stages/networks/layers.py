"""The layers that `params.yaml` taps: that their modules exist, and what they put out."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stages.networks import models, weights
from stages.runtime.errors import StageError, among

Shapes = dict[str, tuple[int, ...]]  # layer to the shape of its map, such as (512, 7, 7)


def check_backbones(params: Mapping[str, Any]) -> dict[str, Shapes]:
    """Look at every backbone without fetching weights or computing anything.

    Returns the shapes of each backbone's layers. Raises `StageError` for the first thing wrong.
    """
    return {
        name: _check_backbone(name, entry, params["data"]["image_size"])
        for name, entry in params["backbones"].items()
    }


def feature_count(shape: tuple[int, ...]) -> int:
    """How many features a map of this shape has: its d."""
    return math.prod(shape)


def _check_backbone(name: str, entry: Mapping[str, Any], size: int) -> Shapes:
    try:
        network = models.outline(entry["model"])
        weights.check_weights(entry["model"], entry["weights"])
        return layer_shapes(network, entry["layers"], size)
    except StageError as error:
        raise error.within(f"backbone {name}") from None


def layer_shapes(network: nn.Module, layers: Mapping[str, str], size: int) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's map without the batch, such as (512, 7, 7), in the order of the pass.

    Costs nothing on the meta device.

    Raises
    ------
    StageError
        for a path that names no module, or one that does not run once per pass, or that puts out
        something else than one tensor, and where the network refuses the image size.
    """
    modules = dict(network.named_modules())
    for layer, path in layers.items():
        if path not in modules or not path:
            raise StageError(
                expected=f"layer {layer} to name a module, such as {among(path, list(modules)[1:])}",
                found=f"the unknown path {path!r}",
                cause="a misspelt path, or one of another network",
                do="edit layers in params.yaml",
            )
    found: dict[str, tuple[int, ...]] = {}
    kinds: dict[str, str] = {}
    calls: Counter[str] = Counter()

    def hook(layer: str) -> Any:
        def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            calls[layer] += 1
            found[layer] = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            kinds[layer] = type(output).__name__

        return record

    handles = [modules[path].register_forward_hook(hook(layer)) for layer, path in layers.items()]
    device = next(network.parameters()).device
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, size, size, device=device))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise StageError(
            expected=f"the network to take images of {size} x {size}",
            found=str(error),
            cause="a network made for one image size only",
            do="change data.image_size in params.yaml",
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    for layer, path in layers.items():
        if calls[layer] != 1 or not found[layer]:
            raise StageError(
                expected=f"layer {layer} ({path}) to run once per image and put out one tensor",
                found=f"{calls[layer]} runs" if calls[layer] != 1 else f"{kinds[layer]} as its output",
                cause="a module that the network uses several times, such as a shared ReLU"
                if calls[layer] != 1
                else "an attention layer or another with several outputs, or with none",
                do="tap the block around it instead: edit layers in params.yaml",
            )
    return found
