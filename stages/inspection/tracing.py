"""The layers of a network that have parameters or change the shape, from one forward pass.

Hooks on all modules record the shapes of each call. The meta device is enough, as no value is used.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from stages.inspection.summary import Layer
from stages.networks.hooks import attached, trial_pass

Shape = tuple[int, ...]
Own = dict[str, nn.Parameter]

_CHANNELS_FIRST = (
    *(nn.Conv2d, nn.BatchNorm2d, nn.GroupNorm),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d),
)


@dataclass(frozen=True)
class _Call:
    module: nn.Module
    input: Shape | None  # of the first tensor, if there is one
    output: Shape | None
    inside: int  # the index of the first call inside this one in the list of calls


def trace(network: nn.Module, size: int) -> list[Layer]:
    """The layers of `network`, in the order in which they end, for images of `size` x `size`.

    The first row is `input`. A call gets a row if its module has parameters that no row has counted, or
    if its output differs in shape from the last row inside it (without one, from its input). So a
    concatenation is a row of the module that concatenates. The network's own row is `output`.
    A module with parameters that is never called (an attention's out_proj, a head for training) comes
    where its enclosing module ends. The network is put in evaluation mode.
    Raises `StageError` if the network refuses the image size.
    """
    paths = {module: path or "output" for path, module in network.named_modules()}
    layers = [Layer("input", "", _sides((1, 3, size, size), network), 0, "", 0, 0)]
    for module, shape, own in _rows(_calls(network, size)):
        weights = {name: parameter for name, parameter in own.items() if not _is_bias(name)}
        parameter_count, weight_count = _count(own), _count(weights)
        layers.append(
            Layer(
                path=paths[module],
                kind=type(module).__name__,
                output=_sides(shape, module) if shape else "",
                weights=weight_count,
                product=_product(module, weights),
                biases=parameter_count - weight_count,
                total=layers[-1].total + parameter_count,
            )
        )
    return layers


def _calls(network: nn.Module, size: int) -> list[_Call]:
    """The calls of all modules in one forward pass, in the order in which they end."""
    calls: list[_Call] = []
    begun: list[int] = []

    def begin(module: nn.Module, inputs: Any) -> None:
        begun.append(len(calls))

    def end(module: nn.Module, inputs: Any, named: Any, output: Any) -> None:
        calls.append(_Call(module, _shape([inputs, named]), _shape(output), begun.pop()))

    handles = [module.register_forward_pre_hook(begin) for module in network.modules()]
    handles += [module.register_forward_hook(end, with_kwargs=True) for module in network.modules()]
    with attached(handles):
        trial_pass(network.eval(), size)
    return calls


def _rows(calls: Sequence[_Call]) -> Iterator[tuple[nn.Module, Shape | None, Own]]:
    """The modules that get a row, their output shape, and their parameters that no earlier row has."""
    called = {call.module for call in calls}
    counted: set[nn.Parameter] = set()
    last, shown = -1, None  # the last row with a shape: the index of its call, its shape

    def uncounted(module: nn.Module) -> Own:
        own = {n: p for n, p in module.named_parameters(recurse=False) if p not in counted}
        counted.update(own.values())
        return own

    for index, call in enumerate(calls):
        for module in call.module.modules():
            if module not in called and (own := uncounted(module)):
                yield module, None, own
        before = shown if last >= call.inside else call.input
        own = uncounted(call.module)
        if own or (before and call.output and call.output != before):
            yield call.module, call.output, own
            if call.output:
                last, shown = index, call.output


def _shape(value: Any) -> Shape | None:
    """The shape of the first tensor in `value`."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next(filter(None, map(_shape, value)), None)
    return None


def _sides(shape: Shape, module: nn.Module) -> str:
    """`H x W x C` for a map, `T x D` for tokens; a batch of one is left out."""
    batch, *sides = shape
    # The images and hence the maps are square: if the last two sides are equal, channels come first.
    if len(sides) == 3 and (isinstance(module, _CHANNELS_FIRST) or sides[1] == sides[2]):
        sides = [*sides[1:], sides[0]]
    # A larger batch holds windows of the one image, as in Swin: it is part of the shape.
    return _times(*sides) if batch == 1 and sides else _times(batch, *sides)


def _is_bias(name: str) -> bool:
    # MultiheadAttention's in_proj_bias and LSTM's bias_ih_l0, but not relative_position_bias_table.
    return name.startswith("bias") or name.endswith("bias")


def _count(parameters: Own) -> int:
    return sum(parameter.numel() for parameter in parameters.values())


def _product(module: nn.Module, weights: Own) -> str:
    joined = " + ".join(_factors(module, name, *p.shape) for name, p in weights.items())
    total = f"{_count(weights):,}"
    return joined if joined in ("", total) else f"{joined} = {total}"


def _factors(module: nn.Module, name: str, *shape: int) -> str:
    if name == "weight" and isinstance(module, nn.Linear):
        return _times(*reversed(shape))  # in x out; torch stores out x in
    if name == "weight" and isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        filters, channels, *kernel = shape
        return f"({_times(*kernel, channels)}) x {filters:,}"
    return _times(*shape) or "1"


def _times(*numbers: int) -> str:
    return " x ".join(f"{number:,}" for number in numbers)
