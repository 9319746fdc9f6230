"""What only torch can judge about `params.yaml`: that models, weights and modules exist."""

import math
from collections.abc import Mapping
from typing import Any

from stages.core import activations, backbones
from stages.core.command import StageError

Shapes = dict[str, tuple[int, ...]]  # layer to the shape of its map, such as (512, 7, 7)


def check(params: Mapping[str, Any]) -> dict[str, Shapes]:
    """Look at every backbone without fetching weights or computing anything.

    Returns the shapes of each backbone's layers. Raises `StageError` for the first thing wrong.
    """
    return {
        name: _check_backbone(name, entry, params["data"]["image_size"])
        for name, entry in params["backbones"].items()
    }


def features(shape: tuple[int, ...]) -> int:
    """How many features a map of this shape has: its d."""
    return math.prod(shape)


def _check_backbone(name: str, entry: Mapping[str, Any], size: int) -> Shapes:
    try:
        network = backbones.outline(entry["model"])
        backbones.check_weights(entry["model"], entry["weights"])
        return activations.shapes(network, entry["layers"], size)
    except StageError as error:
        raise error.within(f"backbone {name}") from None
