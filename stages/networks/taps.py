"""The outputs of several layers from one forward pass, pooled and copied by hooks.

A hook copies an output at once, as a later in-place ReLU would overwrite it. The pass stops after the
deepest tapped module: the layers above are not computed.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from stages.networks import readout
from stages.networks.hooks import attached
from stages.runtime import devices
from stages.runtime.errors import StageError
from stages.runtime.tap import Entry, Tap


class _DeepestReached(Exception):  # noqa: N818  (no error: it ends a forward pass early)
    pass


class Taps:
    """Hooks on the modules `layers` (name to entry of params.yaml) of `network`; a context manager.

    `seconds[layer]` is the time of all forward passes up to that layer, without copies;
    `copy_seconds[layer]` is the time of the layer's pooling and copies, without a GPU's transfer to the
    host.
    """

    def __init__(self, network: nn.Module, layers: Mapping[str, Entry], dtype: torch.dtype) -> None:
        self._network, self._dtype = network, dtype
        self._taps = {layer: Tap.of(entry) for layer, entry in layers.items()}
        self._outputs: _Outputs
        self.seconds = dict.fromkeys(layers, 0.0)
        self.copy_seconds = dict.fromkeys(layers, 0.0)

    def __enter__(self) -> "Taps":
        modules = {layer: self._network.get_submodule(tap.module) for layer, tap in self._taps.items()}
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
        """Run `images` (b, 3, s, s) through; return each layer's readout as (b, d) on the CPU.

        Raises `StageError`, with the layer and one of the b `names`, if a value is not finite or too
        large for `dtype`.
        """
        return self.start(images, names)()

    @torch.inference_mode()
    def start(self, images: Tensor, names: Sequence[str]) -> Callable[[], dict[str, Tensor]]:
        """The first half of `__call__`: queue the work on a GPU; return a function that waits for it.

        On the CPU, this does all the work but the check of the values.
        """
        outputs = self._outputs = _Outputs(self._dtype, images.device)
        with suppress(_DeepestReached):
            self._network(images)
        outputs.end_copies()

        def finish() -> dict[str, Tensor]:
            outputs.wait()
            outputs.check(names)
            for layer, forward_seconds, copy_seconds in outputs.durations():
                self.seconds[layer] += forward_seconds
                self.copy_seconds[layer] += copy_seconds
            return outputs.rows

        return finish

    def _hook(self, layer: str) -> Any:
        how = self._taps[layer].pool

        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self._outputs.add(layer, lambda: readout.read(output, how, self._network))
            if len(self._outputs.rows) == len(self._taps):
                raise _DeepestReached

        return hook


class _Outputs:
    """The outputs of one forward pass: rows, their minima and maxima, and time marks.

    On an accelerator with streams, a second one copies them to pinned memory during the computation;
    another accelerator waits for each copy.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self._dtype, self._device = dtype, device
        self.rows: dict[str, Tensor] = {}
        self._extremes: dict[str, Tensor] = {}
        self._marks: dict[str, tuple[Any, Any]] = {}
        self._copied: torch.Event | None = None
        self._stream = _copy_stream(device) if devices.has_streams(device) else None
        self._start_mark = _mark(device)

    def add(self, layer: str, read: Callable[[], Tensor]) -> None:
        reached = _mark(self._device)
        output = read()
        # Rounding in the given memory layout comes first; flattening then reorders to (c, h, w).
        rounded = output.to(self._dtype, copy=True)
        within = tuple(range(1, output.ndim))
        extremes = torch.stack([_float(output.amin(within)), _float(output.amax(within))])
        self.rows[layer], self._extremes[layer] = (
            self._to_host(rounded.flatten(1)),
            self._to_host(extremes),
        )
        self._marks[layer] = reached, _mark(self._device)

    def end_copies(self) -> None:
        if self._stream:
            # The event must also cover the last time mark.
            self._stream.wait_stream(torch.accelerator.current_stream(self._device))
            self._copied = self._stream.record_event()

    def wait(self) -> None:
        if self._copied:
            self._copied.synchronize()

    def check(self, names: Sequence[str]) -> None:
        for layer, extremes in self._extremes.items():
            # Rounding keeps the order: if minimum and maximum are finite, all values are.
            if not extremes.to(self._dtype).isfinite().all():
                raise _not_finite(layer, names, extremes, self._dtype)

    def durations(self) -> Iterator[tuple[str, float, float]]:
        """Each layer, the seconds up to it without copies, and the seconds of its copies."""
        copying = 0.0
        for layer, (reached, copied) in self._marks.items():
            yield layer, _seconds(self._start_mark, reached) - copying, _seconds(reached, copied)
            copying += _seconds(reached, copied)

    def _to_host(self, values: Tensor) -> Tensor:
        if not self._stream:
            return values.cpu()
        self._stream.wait_stream(torch.accelerator.current_stream(self._device))
        with self._stream:
            host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            host.copy_(values, non_blocking=True)
        values.record_stream(self._stream)  # or its memory could be reused before the copy
        return host


@cache
def _copy_stream(device: torch.device) -> torch.Stream:
    return torch.Stream(device)


def _mark(device: torch.device) -> Any:
    """A time mark: the end of the work queued so far."""
    if devices.has_streams(device):
        event = torch.Event(device, enable_timing=True)
        event.record(torch.accelerator.current_stream(device))
        return event
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
    return time.perf_counter()


def _seconds(start: Any, end: Any) -> float:
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
