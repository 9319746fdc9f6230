"""Networks by name: torchvision's and timm's, and the pixels they were trained on.

A backbone entry of `params.yaml` says `model: torchvision/vgg16`.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torchvision
from torch import nn

from stages.runtime.errors import StageError, among

Entry = Mapping[str, Any]


def build(model: str) -> nn.Module:
    """Make the network `torchvision/<name>` or `timm/<name>`, untrained, in evaluation mode.

    Raises `StageError` for an unknown name, listing those like it.
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
    """`build`, on the meta device: shapes only, neither memory nor arithmetic."""
    try:
        with torch.device("meta"):
            return build(model)
    except NotImplementedError:  # torchvision's RegNets compute their widths with tensors
        return build(model).to("meta")


def normalisation(entry: Entry) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour channel, for pixels between 0 and 1.

    They are those the weights were trained with; for weights of the user's own and for the random
    control those of the model's default weights. `mean` and `std` in the entry come first.
    """
    library, _, name = entry["model"].partition("/")
    if library == "timm":
        import timm

        preset: Any = timm.get_pretrained_cfg(name)
    else:
        choices = torchvision.models.get_model_weights(name)
        chosen = choices.__members__.get(entry["weights"], choices.DEFAULT)
        preset = chosen.transforms()
    if preset is None:
        raise StageError(
            expected=f"timm to know the mean and deviation that {entry['model']} was trained with",
            found="nothing",
            cause="a model without pretrained weights",
            do="give the entry a mean and a std in params.yaml",
        )
    return list(entry.get("mean", preset.mean)), list(entry.get("std", preset.std))


def _names(library: str) -> list[str]:
    if library == "timm":
        import timm

        return list(timm.list_models())
    return list(torchvision.models.list_models(module=torchvision.models))
