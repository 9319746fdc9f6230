"""Several layers out of one forward pass: hooks copy what the tapped modules put out.

Copied at once, since an in-place ReLU further on would overwrite it; and the pass stops after the
deepest tapped module, so nobody pays for the layers above.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from stages.networks.hooks import attached
from stages.runtime.errors import StageError


class _DeepestReached(Exception):  # noqa: N818  (no error: the way to leave a forward pass early)
    pass


class Taps:
    """Hooks on the modules `layers` (name to module path) of `network`; a context manager.

    `seconds[layer]` sums what the forward passes took up to that layer, copies not counted;
    `copy_seconds[layer]` what its own copies took (on a GPU, up to where they leave for the host).
    """

    def __init__(self, network: nn.Module, layers: Mapping[str, str], dtype: torch.dtype) -> None:
        self._network, self._dtype, self._layers = network, dtype, layers
        self._catch: _Catch
        self.seconds = dict.fromkeys(layers, 0.0)
        self.copy_seconds = dict.fromkeys(layers, 0.0)

    def __enter__(self) -> "Taps":
        modules = {layer: self._network.get_submodule(path) for layer, path in self._layers.items()}
        self._hooks = ExitStack()
        self._hooks.enter_context(
            attached(
                module.register_forward_hook(self._hook(layer)) for layer, module in modules.items()
            )
        )
        return self

    def __exit__(self, *raised: object) -> None:
        self._hooks.close()

    def __call__(self, images: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Run `images` (b, 3, s, s) through; return each layer's map, flattened to (b, d), on the CPU.

        `names` are what an error calls the b images.

        Raises
        ------
        StageError
            if a value is not finite, or too large for `dtype`; it names the layer and the image.
        """
        return self.start(images, names)()

    @torch.inference_mode()
    def start(self, images: Tensor, names: Sequence[str]) -> Callable[[], dict[str, Tensor]]:
        """`__call__` in two: this queues the work on a GPU, what is returned waits for its result.

        On the CPU all but the check of the values is done here.
        """
        catch = self._catch = _Catch(self._dtype, images.device)
        with suppress(_DeepestReached):
            self._network(images)
        catch.leave()

        def finish() -> dict[str, Tensor]:
            catch.wait()
            catch.check(names)
            for layer, took, copying in catch.durations():
                self.seconds[layer] += took
                self.copy_seconds[layer] += copying
            return catch.rows

        return finish

    def _hook(self, layer: str) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self._catch.add(layer, output)
            if len(self._catch.rows) == len(self._layers):
                raise _DeepestReached

        return hook


class _Catch:
    """What one forward pass leaves: rows, their least and greatest values, and when.

    On a GPU the copies run beside the computation, on a stream of their own, to pinned memory.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype, self._device = dtype, device
        self.rows: dict[str, Tensor] = {}
        self._extremes: dict[str, Tensor] = {}
        self._marks: dict[str, tuple[Any, Any]] = {}
        self._copied: torch.cuda.Event | None = None
        self._beside = _copy_stream(device) if device.type == "cuda" else None
        self._begun = _mark(device)

    def add(self, layer: str, output: Tensor) -> None:
        reached = _mark(self._device)
        # Rounded first, in whatever order the values lie in memory; then put into that of (c, h, w).
        rounded = output.to(self._dtype, copy=True)
        within = tuple(range(1, output.ndim))
        extremes = torch.stack([_float(output.amin(within)), _float(output.amax(within))])
        self.rows[layer], self._extremes[layer] = (
            self._to_host(rounded.flatten(1)),
            self._to_host(extremes),
        )
        self._marks[layer] = reached, _mark(self._device)

    def leave(self) -> None:
        if self._beside:
            # The last mark, too, is to be reached when this is.
            self._beside.wait_stream(torch.cuda.current_stream(self._device))
            self._copied = self._beside.record_event()

    def wait(self) -> None:
        if self._copied:
            self._copied.synchronize()

    def check(self, names: Sequence[str]) -> None:
        for layer, extremes in self._extremes.items():
            # Rounding keeps the order: where these two are finite, all values between them are.
            if not extremes.to(self._dtype).isfinite().all():
                raise _not_finite(layer, names, extremes, self._dtype)

    def durations(self) -> Iterator[tuple[str, float, float]]:
        """Each layer, the seconds up to it without copies, and those of its own copies."""
        copying = 0.0
        for layer, (reached, copied) in self._marks.items():
            yield layer, _between(self._begun, reached) - copying, _between(reached, copied)
            copying += _between(reached, copied)

    def _to_host(self, values: Tensor) -> Tensor:
        if not self._beside:
            return values
        self._beside.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._beside):
            host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            host.copy_(values, non_blocking=True)
        values.record_stream(self._beside)  # its memory is not to be used again before it was copied
        return host


@cache
def _copy_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _mark(device: torch.device) -> Any:
    """Now; on a GPU, when the work queued so far is done."""
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(device))
    return event


def _between(start: Any, end: Any) -> float:
    """Seconds between two marks."""
    return end - start if isinstance(start, float) else float(start.elapsed_time(end)) / 1000


def _float(values: Tensor) -> Tensor:
    # Autocast cannot stack float16.
    return values.float() if values.dtype != torch.float64 else values


def _not_finite(layer: str, names: Sequence[str], extremes: Tensor, dtype: torch.dtype) -> StageError:
    row = int((~extremes.to(dtype).isfinite()).any(dim=0).nonzero()[0])
    if extremes[:, row].isfinite().all():
        return StageError(
            expected=f"features of {layer} up to {torch.finfo(dtype).max:.6g}, the most that "
            f"{dtype} holds",
            found=f"{extremes[:, row].abs().max():.6g} for image {names[row]}",
            cause="a network with very large activations",
            do="set extract.storage: float32 in params.yaml",
        )
    return StageError(
        expected=f"finite features of {layer}",
        found=f"NaN or infinity for image {names[row]}",
        cause="damaged weights, or weights of another network",
        do="check weights in params.yaml",
    )
