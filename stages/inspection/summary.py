"""A network's layers as a table: output shapes and parameter counts. `tracing.py` makes the rows.

This module does not import torch, so the report reads tables without loading it.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from stages.runtime import files


@dataclass(frozen=True)
class Layer:
    """One layer.

    `product` is the product that gives `weights`, such as `(3 x 3 x 64) x 128 = 73,728`; `total` counts
    the weights and biases up to this layer. `output` is empty for a module that is never called: a head
    for training only, or a module whose parameters the enclosing module uses.
    """

    path: str
    kind: str
    output: str
    weights: int
    product: str
    biases: int
    total: int


def write_csv(path: Path, layers: Sequence[Layer]) -> None:
    files.write_csv(path, [field.name for field in fields(Layer)], map(astuple, layers))


def read_csv(path: Path) -> list[Layer]:
    numbers = ("weights", "biases", "total")
    return [
        Layer(**{key: int(value) if key in numbers else value for key, value in line.items()})  # type: ignore[arg-type]
        for line in files.read_csv(path)
    ]


def markdown(layers: Sequence[Layer]) -> str:
    """A Markdown table; its last line has the sums."""
    weights, biases = sum(layer.weights for layer in layers), sum(layer.biases for layer in layers)
    lines = [
        "| Layer | Kind | Output | Weights | Biases | Total so far |",
        "|---|---|---:|---:|---:|---:|",
        *(_line(layer) for layer in layers),
        f"| **all** | | | **{weights:,}** | **{biases:,}** | **{weights + biases:,}** |",
    ]
    return "\n".join([*lines, ""])


def _line(layer: Layer) -> str:
    numbers = f"{layer.product or 0} | {layer.biases:,} | {layer.total:,}"
    return f"| `{layer.path}` | {layer.kind} | {layer.output} | {numbers} |"
