from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.examples import drawn

from stages.reporting.figures import accuracy
from stages.reporting.predictions import Mistake, Outcome
from stages.reporting.table import Row


def row(backbone: str, layer: str, accuracy: float, number: int) -> Row:
    return Row(
        backbone, layer, "run", accuracy=accuracy, feature_dim=10**number, feature_seconds=number + 1.0,
        svm_seconds=0.1 * number + 0.1, std_accuracy=0.02, softmax_accuracy=accuracy - 0.02,
    )  # fmt: skip


ROWS = [
    *(row("vgg16", f"pool{i}", 0.5 + i / 20, i) for i in range(1, 6)),
    *(row("vgg16_random", f"pool{i}", 0.3, i) for i in (2, 5)),
    row("resnet50", "avgpool", 0.9, 3),
    Row("resnet50", "layer4", "not run"),
    replace(row("fusion", "networks", 0.92, 4), softmax_accuracy=None),
    Row("fusion", "depths", "out of date", "vgg16/pool4 vgg16/pool5"),
]
MODELS = {"vgg16": "torchvision/vgg16", "vgg16_random": "torchvision/vgg16", "resnet50": "x"}
OUTCOME = Outcome(
    rows=[0, 1, 2, 3],
    actual=["a", "a", "b $x$", "a class with a long name"],
    predicted=["a", "b $x$", "b $x$", "a"],
    margin=[1.0, 2.0, 3.0, 4.0],
)


def test_depth_has_a_panel_for_each_model(tmp_path: Path) -> None:
    accuracy.depth(tmp_path / "both.png", ROWS, MODELS, {"vgg16_random"})
    accuracy.depth(tmp_path / "one.png", ROWS[:7], MODELS, {"vgg16_random"})
    assert drawn(tmp_path / "both.png")[1] == 2 * drawn(tmp_path / "one.png")[1]


def test_depth_is_of_layers_and_shows_their_deviation(tmp_path: Path) -> None:
    """A fusion has no depth; without deviations the figure is another one."""
    flat = [replace(row, std_accuracy=None) for row in ROWS]
    for name, rows in (("all", ROWS), ("layers", ROWS[:8]), ("flat", flat)):
        accuracy.depth(tmp_path / f"{name}.png", rows, MODELS, {"vgg16_random"})
    made = {path.stem: path.read_bytes() for path in tmp_path.iterdir()}
    assert made["all"] == made["layers"] != made["flat"]


@pytest.mark.parametrize(
    ("orders", "merged"),
    [
        ([["a", "b", "c"], ["b", "c"]], ["a", "b", "c"]),
        ([["a", "c"], ["a", "b", "c", "d"]], ["a", "b", "c", "d"]),
        ([["b"], ["a", "b"]], ["a", "b"]),
        ([["a"], ["b"]], ["b", "a"]),
    ],
)
def test_layers_of_several_backbones_in_one_order(orders: list[list[str]], merged: list[str]) -> None:
    assert accuracy._merged(orders) == merged


@pytest.mark.parametrize("count", [1, 7, 11])
def test_trade_offs_and_heads(count: int, tmp_path: Path) -> None:
    accuracy.trade_offs(tmp_path / "t.png", ROWS[:count])
    accuracy.heads(tmp_path / "h.png", ROWS[:count])
    drawn(tmp_path / "t.png")
    drawn(tmp_path / "h.png")


def test_curves(tmp_path: Path) -> None:
    curve = [(0.01, 0.5), (0.1, 0.7), (1.0, 0.6)]
    accuracy.curves(tmp_path / "one.png", {"vgg16/pool1": curve, "vgg16/pool2": curve})
    accuracy.curves(tmp_path / "two.png", {"vgg16/pool1": curve, "fusion/networks": curve})
    assert drawn(tmp_path / "two.png")[1] == 2 * drawn(tmp_path / "one.png")[1]


def test_classes_and_confusion(tmp_path: Path) -> None:
    accuracy.classes(tmp_path / "c.png", {"vgg16/pool1": OUTCOME, "fusion/networks": OUTCOME})
    accuracy.confusion(tmp_path / "m.png", "vgg16/pool1", OUTCOME)
    drawn(tmp_path / "c.png")
    drawn(tmp_path / "m.png")


@pytest.mark.parametrize("count", [1, 4, 5])
def test_mistakes(count: int, tmp_path: Path) -> None:
    found = [Mistake(i, "street", "insidecity", 1.5) for i in range(count)]
    pictures = [np.full((1 if i % 2 else 3, 8, 8), 90, dtype=np.uint8) for i in range(count)]
    names = [f"street/$image_{i}.jpg" for i in range(count)]
    accuracy.mistakes(tmp_path / "m.png", found, pictures, names)
    drawn(tmp_path / "m.png")


def test_nothing_says_so(tmp_path: Path) -> None:
    accuracy.nothing(tmp_path / "n.png", "No probe was run yet")
    drawn(tmp_path / "n.png")


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        accuracy.trade_offs(tmp_path / f"{name}t.png", ROWS)
        accuracy.depth(tmp_path / f"{name}d.png", ROWS, MODELS, {"vgg16_random"})
        made.append([(tmp_path / f"{name}{kind}.png").read_bytes() for kind in "td"])
    assert made[0] == made[1]
