"""State dicts in files: those that training scripts wrap, and name after their own wrappers."""

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from stages.runtime.errors import StageError, listed

StateDict = Mapping[str, Tensor]

# Where a checkpoint keeps its state dict, and what training wrappers put before its names.
WRAPPERS = ("state_dict", "model", "teacher", "student", "model_state_dict")
PREFIXES = ("module", "backbone", "encoder", "model")


def read(path: Path) -> StateDict:
    """The state dict in a file, or the one under the first of `WRAPPERS`; no code in the file is run.

    Raises `StageError` if the file is missing, damaged or holds no state dict.
    """
    try:
        if path.suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise StageError(
            expected=f"a state dict at {path}",
            found="no such file",
            cause="weights in params.yaml name a file that is not there",
            do=f"put it there: torch.save(network.state_dict(), {str(path)!r})",
        ) from None
    except Exception as error:  # both libraries raise errors of many classes
        raise _no_state_dict(path, type(error).__name__) from error
    if _is_state_dict(state):
        return dict(state)
    for key in WRAPPERS:
        if isinstance(state, dict) and _is_state_dict(state.get(key)):
            print(f"{path}: the state dict is that under {key!r}")
            return dict(state[key])
    raise _no_state_dict(path, f"a {type(state).__name__} of other things")


def without_prefix(state: StateDict, reference: StateDict) -> StateDict:
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


def _is_state_dict(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(v, Tensor) for v in value.values())


def _left_out(state: StateDict, prefix: str) -> str:
    others = [key for key in state if not key.startswith(prefix)]
    return f"{listed(others, 3)} have another one and are left out" if others else "all of them have it"


def _no_state_dict(path: Path, found: str) -> StageError:
    return StageError(
        expected=f"a plain state dict (names to tensors, no pickled code) in {path}, or one under "
        f"{', '.join(WRAPPERS)}",
        found=found,
        cause="a damaged file, a pickled network, or a checkpoint with further contents",
        do="save it with torch.save(network.state_dict(), path)",
    )
