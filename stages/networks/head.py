"""Networks without a head: which tensors the weights lack, and which layers can be tapped without them.

Self-supervised weights come without the last modules of a network. What they lack is NaN in
data/weights/<b>.pth, as in torchvision's own weights of this kind.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from stages.networks import models
from stages.networks.hooks import attached, trial_pass
from stages.runtime.errors import StageError
from stages.runtime.tap import Entry, Tap


def lacking(state: Mapping[str, Tensor]) -> list[str]:
    """The names of the tensors that contain NaN."""
    return [name for name, tensor in state.items() if bool(tensor.isnan().any())]


def is_head(model: str, names: Sequence[str], state: Mapping[str, Tensor]) -> bool:
    """Whether the tensors `names` of `state` belong to the model's last modules, but not to all.

    In the order of a forward pass, each module that lacks one starts after all those that lack none.
    """
    started, without = starts(model), {_owner(name) for name in names}
    whole = [started[owner] for owner in map(_owner, state) if owner not in without]
    return bool(whole) and max(whole) < min(started[owner] for owner in without)


def refuse_without(entry: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Raise `StageError` if a layer of the entry needs a tensor that the weights lack."""
    if names := lacking(state):
        started = starts(entry["model"])
        first = min(names, key=lambda name: started[_owner(name)])
        for layer, tap in _taps(entry["layers"]):
            inside = [at for path, at in started.items() if _within(path, tap.module)]
            if max(inside) >= started[_owner(first)]:
                raise StageError(
                    expected=f"layer {layer} ({tap.module}) to need only what the weights have",
                    found=f"weights {entry['weights']} without {_owner(first)}, which runs before",
                    cause="self-supervised weights, which have no head",
                    do="edit layers in params.yaml: tap earlier modules only",
                )


def _taps(layers: Mapping[str, Entry]) -> Iterable[tuple[str, Tap]]:
    return ((layer, Tap.of(entry)) for layer, entry in layers.items())


def starts(model: str) -> dict[str, int]:
    """When each module starts in a forward pass, from 0 on; "" is the network itself.

    A module that is not called counts with the module around it: attention uses its projection's weights
    without calling it.
    """
    network = models.outline(model)
    started: dict[str, int] = {}

    def note(path: str) -> torch.utils.hooks.RemovableHandle:
        def hook(*_: object) -> None:
            started.setdefault(path, len(started))

        return network.get_submodule(path).register_forward_pre_hook(hook)

    paths = [path for path, _ in network.named_modules()]
    with attached(map(note, paths)):
        trial_pass(network, models.image_size(model, network))
    for path in paths:  # parents come first
        started.setdefault(path, started.get(_owner(path), 0))
    return started


def _owner(name: str) -> str:
    """The path of the module that owns a tensor, or of the module around a module."""
    return name.rpartition(".")[0]


def _within(path: str, module: str) -> bool:
    return path == module or path.startswith(f"{module}.")
