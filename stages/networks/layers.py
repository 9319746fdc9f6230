"""Checks of the layers in `params.yaml`: their modules exist, and each puts out one tensor."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from stages.networks import models, readout, weights
from stages.networks.hooks import attached, trial_pass
from stages.runtime import errors
from stages.runtime.errors import StageError, among
from stages.runtime.tap import Entry, Tap
from stages.runtime.view import view_of

Shapes = dict[str, tuple[int, ...]]  # layer to the shape of its readout, such as (512, 7, 7)


def check_backbones(params: Mapping[str, Any]) -> dict[str, Shapes]:
    """The shapes of each backbone's layers, without downloading or computing anything.

    Raises `StageError` for the first unknown model, weights or module, and as `layer_shapes` does.
    """
    shapes = {}
    for name, entry in params["backbones"].items():
        with errors.about(f"backbone {name}"):
            network = models.outline(entry["model"])
            weights.check_weights(entry["model"], entry["weights"])
            shapes[name] = layer_shapes(network, entry["layers"], view_of(params, name).side)
    return shapes


def layer_shapes(network: nn.Module, layers: Mapping[str, Entry], size: int) -> Shapes:
    """The pooled shape of each layer for one image, such as (512, 7, 7), in order of execution.

    On the meta device, nothing is computed. Raises `StageError` if a module does not exist, does not run
    exactly once or does not put out one tensor, as `readout.read` does, and if the network refuses the
    image size.
    """
    modules = dict(network.named_modules())
    taps = {layer: Tap.of(entry) for layer, entry in layers.items()}
    _refuse_unknown(taps, list(modules)[1:])
    shapes: Shapes = {}
    kinds: dict[str, str] = {}
    calls: Counter[str] = Counter()

    def hook(layer: str) -> Any:
        def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            calls[layer] += 1
            kinds[layer] = type(output).__name__
            shapes[layer] = ()
            if isinstance(output, Tensor):
                with errors.about(f"layer {layer} ({taps[layer].module})"):
                    shapes[layer] = tuple(readout.read(output, taps[layer].pool, network).shape[1:])

        return record

    with attached(modules[tap.module].register_forward_hook(hook(layer)) for layer, tap in taps.items()):
        trial_pass(network, size)
    for layer, tap in taps.items():
        if calls[layer] != 1 or not shapes[layer]:
            raise _no_layer(f"{layer} ({tap.module})", calls[layer], kinds.get(layer, ""))
    return shapes


def _refuse_unknown(taps: Mapping[str, Tap], paths: list[str]) -> None:
    for layer, (path, _) in taps.items():
        if path not in paths:
            raise StageError(
                expected=f"layer {layer} to name a module, such as {among(path, paths)}",
                found=f"the unknown path {path!r}",
                cause="a misspelt path, or a path of another network",
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
        cause = "a layer with several outputs, such as attention, or without any"
    return StageError(
        expected=f"layer {what} to run once per image and put out one tensor",
        found=found,
        cause=cause,
        do="tap the block around it instead: edit layers in params.yaml",
    )
