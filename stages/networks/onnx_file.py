"""ONNX files as a source of tensors: a graph is read, never run.

An ONNX file does not know the names of torch's modules. Its convolutions and linear layers, in the order
in which the graph uses them, are paired with those of the model, in the order of a forward pass.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stages.networks import head, models
from stages.networks.checkpoint import StateDict
from stages.runtime.errors import StageError

Stored = Mapping[str, NDArray[Any]]  # the tensors of a file by name


@dataclass(frozen=True)
class Layer:
    """A convolution or a linear layer of a graph; its tensors have the axes that torch gives them."""

    name: str
    weight: Tensor
    bias: Tensor | None

    def __str__(self) -> str:
        return f"{self.name} {_shapes(self)}"


def read(path: Path) -> list[Layer]:
    """The layers of a file, in the order in which its graph uses them.

    The list ends where a graph that was made channels last flattens its maps: the linear layers behind
    that read their inputs in another order than torch's do.
    Raises `StageError` if the file is missing or damaged, or lacks the weights of a convolution.
    """
    import onnx

    try:
        graph = onnx.load(path, load_external_data=False).graph
        stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    except Exception as error:  # protobuf's and onnx's have no common base class
        raise _unreadable(path, f"{type(error).__name__}: {error}"[:200]) from error
    computed = [n.name for n in graph.node if n.op_type == "Conv" and n.input[1] not in stored]
    if computed:
        raise _unreadable(path, f"no weights of {computed[0]}")
    return list(_layers(graph.node, stored))


def paired(layers: Sequence[Layer], model: str) -> StateDict:
    """The tensors of `layers` under the model's names, up to the first layer that does not fit.

    From there on the file has a head of its own. Raises `StageError` if that layer is a convolution:
    heads are made of linear layers, or of one last convolution.
    """
    started = head.starts(model)
    network = models.outline(model).named_modules()
    modules = [(path, m) for path, m in network if isinstance(m, nn.Conv2d | nn.Linear)]
    modules.sort(key=lambda pair: started[pair[0]])
    state: dict[str, Tensor] = {}
    for (path, module), layer in zip_longest(modules, layers[: len(modules)]):
        if layer is None or _shapes(layer) != _shapes(module):
            if isinstance(module, nn.Conv2d) and path != modules[-1][0]:
                raise StageError(
                    expected=f"an ONNX file with {path} {_shapes(module)} of {model}",
                    found=str(layer or "no further layer"),
                    cause="another network, or batch norm that was folded into its convolutions",
                    do="change model or weights in params.yaml",
                )
            break
        state[f"{path}.weight"] = layer.weight
        if layer.bias is not None:
            state[f"{path}.bias"] = layer.bias
    return state


def _layers(nodes: Sequence[Any], stored: Stored) -> Iterator[Layer]:
    convolved = False
    for node in nodes:
        weight, bias = (stored.get(name) for name in [*node.input, "", ""][1:3])
        if node.op_type == "Conv":
            convolved = True
        elif node.op_type == "Transpose" and convolved:
            return
        elif node.op_type == "MatMul" and weight is not None:
            weight, bias = weight.T, _added(node.output[0], nodes, stored)
        elif node.op_type == "Gemm" and weight is not None:
            turned = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
            weight = weight if turned else weight.T
        else:
            continue
        yield Layer(node.name, _tensor(weight), None if bias is None else _tensor(bias))


def _added(output: str, nodes: Sequence[Any], stored: Stored) -> NDArray[Any] | None:
    """What the graph adds to the output of a matrix product."""
    added = [node.input for node in nodes if node.op_type == "Add" and output in node.input]
    return next((stored[name] for inputs in added for name in inputs if name in stored), None)


def _tensor(values: NDArray[Any] | None) -> Tensor:
    return torch.from_numpy(np.array(values, dtype=np.float32))


def _shapes(layer: Any) -> str:
    bias = "no bias" if layer.bias is None else f"bias {tuple(layer.bias.shape)}"
    return f"({tuple(layer.weight.shape)}, {bias})"


def _unreadable(path: Path, found: str) -> StageError:
    return StageError(
        expected=f"an ONNX file with its tensors inside at {path}",
        found=found,
        cause="a missing or damaged file, or tensors that are in another file or computed",
        do="export the network to one ONNX file",
    )
