"""The layers that `params.yaml` taps: that their modules exist, and what they put out."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from stages.networks import models, weights
from stages.networks.hooks import attached, trial_pass
from stages.runtime import errors
from stages.runtime.errors import StageError, among

Shapes = dict[str, tuple[int, ...]]  # layer to the shape of its output, such as (512, 7, 7)


def check_backbones(params: Mapping[str, Any]) -> dict[str, Shapes]:
    """Look at every backbone without fetching weights or computing anything.

    Returns the shapes of each backbone's layers. Raises `StageError` for the first thing wrong.
    """
    shapes = {}
    for name, entry in params["backbones"].items():
        with errors.about(f"backbone {name}"):
            network = models.outline(entry["model"])
            weights.check_weights(entry["model"], entry["weights"])
            shapes[name] = layer_shapes(network, entry["layers"], params["data"]["image_size"])
    return shapes


def layer_shapes(network: nn.Module, layers: Mapping[str, str], size: int) -> Shapes:
    """The shape of each layer's output without the batch, such as (512, 7, 7), in the order of the pass.

    Costs nothing on the meta device.

    Raises
    ------
    StageError
        for a path that names no module, or one that does not run once per pass, or that puts out
        something else than one tensor, and where the network refuses the image size.
    """
    modules = dict(network.named_modules())
    _refuse_unknown(layers, list(modules)[1:])
    shapes: Shapes = {}
    kinds: dict[str, str] = {}
    calls: Counter[str] = Counter()

    def hook(layer: str) -> Any:
        def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            calls[layer] += 1
            shapes[layer] = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            kinds[layer] = type(output).__name__

        return record

    with attached(modules[path].register_forward_hook(hook(layer)) for layer, path in layers.items()):
        trial_pass(network, size)
    for layer, path in layers.items():
        if calls[layer] != 1 or not shapes[layer]:
            raise _no_layer(f"{layer} ({path})", calls[layer], kinds.get(layer, ""))
    return shapes


def _refuse_unknown(layers: Mapping[str, str], paths: list[str]) -> None:
    for layer, path in layers.items():
        if path not in paths:
            raise StageError(
                expected=f"layer {layer} to name a module, such as {among(path, paths)}",
                found=f"the unknown path {path!r}",
                cause="a misspelt path, or one of another network",
                do="edit layers in params.yaml",
            )


def _no_layer(what: str, calls: int, kind: str) -> StageError:
    if calls != 1:
        found, cause = (
            f"{calls} runs",
            "a module that the network uses several times, such as a shared ReLU",
        )
    else:
        found = f"{kind} as its output"
        cause = "an attention layer or another with several outputs, or with none"
    return StageError(
        expected=f"layer {what} to run once per image and put out one tensor",
        found=found,
        cause=cause,
        do="tap the block around it instead: edit layers in params.yaml",
    )
