"""Several layers out of one forward pass: hooks copy what the tapped modules put out.

Copied at once, since an in-place ReLU further on would overwrite it; and the pass stops after the
deepest tapped module, so nobody pays for the layers above.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from stages.core.command import StageError
from stages.core.config import among


class _DeepestReached(Exception):  # noqa: N818  (no error: the way to leave a forward pass early)
    pass


class Taps:
    """Hooks on the modules `layers` (name to module path) of `network`; a context manager.

    `seconds[layer]` sums what the forward passes took up to that layer, copies not counted;
    `copy_seconds[layer]` what its own copies took.
    """

    def __init__(self, network: nn.Module, layers: Mapping[str, str], dtype: torch.dtype) -> None:
        self._network, self._dtype, self._layers = network, dtype, layers
        self._found: dict[str, Tensor] = {}
        self._names: Sequence[str] = ()
        self._start = self._copying = 0.0
        self.seconds = dict.fromkeys(layers, 0.0)
        self.copy_seconds = dict.fromkeys(layers, 0.0)

    def __enter__(self) -> "Taps":
        self._handles = [
            self._network.get_submodule(path).register_forward_hook(self._hook(layer))
            for layer, path in self._layers.items()
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()

    @torch.inference_mode()
    def __call__(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Run `images` (b, 3, s, s) through; return each layer's map, flattened to (b, d), on the CPU.

        `names` are what an error calls the b images.

        Raises
        ------
        StageError
            if a value is not finite, or too large for `dtype`; it names the layer and the image.
        """
        self._found, self._names = {}, names
        self._start, self._copying = _now(images.device), 0.0
        with suppress(_DeepestReached):
            self._network(images)
        return self._found

    def _hook(self, layer: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            reached = _now(output.device)
            self.seconds[layer] += reached - self._start - self._copying
            copy = output.flatten(1).to("cpu", self._dtype, copy=True)
            if not copy.isfinite().all():
                raise _not_finite(layer, self._names, output.flatten(1), copy)
            self._found[layer] = copy
            took = _now(output.device) - reached
            self.copy_seconds[layer] += took
            self._copying += took
            if len(self._found) == len(self._layers):
                raise _DeepestReached

        return hook


def shapes(network: nn.Module, layers: Mapping[str, str], size: int) -> dict[str, tuple[int, ...]]:
    """The shape of each layer's map without the batch, such as (512, 7, 7), in the order of the pass.

    Costs nothing on the meta device.

    Raises
    ------
    StageError
        for a path that names no module, or one that does not run once per pass, or that puts out
        something else than one tensor, and where the network refuses the image size.
    """
    modules = dict(network.named_modules())
    for layer, path in layers.items():
        if path not in modules or not path:
            raise StageError(
                expected=f"layer {layer} to name a module, such as {among(path, list(modules)[1:])}",
                found=f"the unknown path {path!r}",
                cause="a misspelt path, or one of another network",
                do="edit layers in params.yaml",
            )
    found: dict[str, tuple[int, ...]] = {}
    kinds: dict[str, str] = {}
    calls: Counter[str] = Counter()

    def hook(layer: str) -> Any:
        def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            calls[layer] += 1
            found[layer] = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            kinds[layer] = type(output).__name__

        return record

    handles = [modules[path].register_forward_hook(hook(layer)) for layer, path in layers.items()]
    device = next(network.parameters()).device
    try:
        with torch.inference_mode():
            network(torch.zeros(1, 3, size, size, device=device))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise StageError(
            expected=f"the network to take images of {size} x {size}",
            found=str(error),
            cause="a network made for one image size only",
            do="change data.image_size in params.yaml",
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    for layer, path in layers.items():
        if calls[layer] != 1 or not found[layer]:
            raise StageError(
                expected=f"layer {layer} ({path}) to run once per image and put out one tensor",
                found=f"{calls[layer]} runs" if calls[layer] != 1 else f"{kinds[layer]} as its output",
                cause="a module that the network uses several times, such as a shared ReLU"
                if calls[layer] != 1
                else "an attention layer or another with several outputs, or with none",
                do="tap the block around it instead: edit layers in params.yaml",
            )
    return found


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _not_finite(layer: str, names: Sequence[str], raw: Tensor, copy: Tensor) -> StageError:
    row = int((~copy.isfinite()).any(dim=1).nonzero()[0])
    if raw[row].isfinite().all():
        return StageError(
            expected=f"features of {layer} up to {torch.finfo(copy.dtype).max:.6g}, the most that "
            f"{copy.dtype} holds",
            found=f"{raw[row].abs().max():.6g} for image {names[row]}",
            cause="a network with very large activations",
            do="set extract.storage: float32 in params.yaml",
        )
    return StageError(
        expected=f"finite features of {layer}",
        found=f"NaN or infinity for image {names[row]}",
        cause="damaged weights, or weights of another network",
        do="check weights in params.yaml",
    )
