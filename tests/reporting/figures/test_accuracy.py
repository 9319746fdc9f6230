from dataclasses import replace
from pathlib import Path

import pytest
from support.examples import drawn
from support.results import backbone, result

from stages.reporting.backbones import Backbone
from stages.reporting.figures import accuracy
from stages.reporting.table import Result, Row, Softmax
from stages.runtime.probe import Probe


def made(probe: str, value: float, number: int) -> Result:
    return result(
        probe, value, feature_dim=10**number, feature_seconds=number + 1.0,
        svm_seconds=0.1 * number + 0.1, std_accuracy=0.02,
        softmax=Softmax(value - 0.02, True, 1.0, False),
    )  # fmt: skip


RESULTS = [
    *(made(f"vgg16/pool{i}", 0.5 + i / 20, i) for i in range(1, 6)),
    *(made(f"vgg16_random/pool{i}", 0.3, i) for i in (2, 5)),
    made("resnet50/avgpool", 0.9, 3),
    replace(made("fusion/networks", 0.92, 4), softmax=None),
]


def backbones(results: list[Result]) -> list[Backbone]:
    models = {"vgg16": "torchvision/vgg16", "vgg16_random": "torchvision/vgg16", "resnet50": "x"}
    return [
        backbone(name, model, "random" if "random" in name else "V1", rows_of(name, results))
        for name, model in models.items()
    ]


def rows_of(backbone: str, results: list[Result]) -> list[Row]:
    rows = [Row(one.probe, "run", result=one) for one in results if one.probe.backbone == backbone]
    return [*rows, Row(Probe(backbone, "layer4"), "not run")]


def depth(path: Path, results: list[Result]) -> None:
    accuracy.depth(path, results, backbones(results))


def test_depth_has_a_panel_for_each_model(tmp_path: Path) -> None:
    depth(tmp_path / "both.png", RESULTS)
    depth(tmp_path / "one.png", RESULTS[:7])
    assert drawn(tmp_path / "both.png")[1] == 2 * drawn(tmp_path / "one.png")[1]


def test_depth_is_of_layers_and_shows_their_deviation(tmp_path: Path) -> None:
    """A fusion has no depth; without deviations the figure is another one."""
    flat = [replace(one, tuned=replace(one.tuned, std_accuracy=0.0)) for one in RESULTS]
    for name, results in (("all", RESULTS), ("layers", RESULTS[:8]), ("flat", flat)):
        depth(tmp_path / f"{name}.png", results)
    bytes_ = {path.stem: path.read_bytes() for path in tmp_path.iterdir()}
    assert bytes_["all"] == bytes_["layers"] != bytes_["flat"]


def test_a_pooled_layer_stands_beside_the_line() -> None:
    results = [*RESULTS[:2], replace(made("vgg16/pool2_mean", 0.2, 1), pool="mean"), RESULTS[2]]
    seen: list[tuple[list[float], str]] = []

    class Axis:
        def errorbar(self, _: object, heights: list[float], *, linestyle: str, **__: object) -> None:
            seen.append((heights, linestyle))

        def annotate(self, *_: object, **__: object) -> None:
            pass

    (backbone, *_) = backbones(results)
    layers = [one.probe.layer for one in results]
    accuracy._line(Axis(), backbone, layers, 0)  # type: ignore[arg-type]
    line = [one.tuned.accuracy for one in results if not one.pooled]
    assert seen == [(line, "-"), ([0.2], "none")]


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


@pytest.mark.parametrize("count", [1, 7, 9])
def test_trade_offs_and_heads(count: int, tmp_path: Path) -> None:
    accuracy.trade_offs(tmp_path / "t.png", RESULTS[:count])
    accuracy.heads(tmp_path / "h.png", RESULTS[:count])
    drawn(tmp_path / "t.png")
    drawn(tmp_path / "h.png")


def test_heads_without_a_softmax_layer_say_so(tmp_path: Path) -> None:
    accuracy.heads(tmp_path / "h.png", RESULTS[-1:])
    drawn(tmp_path / "h.png")


def test_curves(tmp_path: Path) -> None:
    curve = [(0.01, 0.5), (0.1, 0.7), (1.0, 0.6)]
    for name, probes in (
        ("one", ("vgg16/pool1", "vgg16/pool2")),
        ("two", ("vgg16/pool1", "fusion/networks")),
    ):
        accuracy.curves(tmp_path / f"{name}.png", {Probe.parse(probe): curve for probe in probes})
    assert drawn(tmp_path / "two.png")[1] == 2 * drawn(tmp_path / "one.png")[1]


def test_the_same_results_make_the_same_bytes(tmp_path: Path) -> None:
    bytes_ = []
    for name in ("a", "b"):
        accuracy.trade_offs(tmp_path / f"{name}t.png", RESULTS)
        depth(tmp_path / f"{name}d.png", RESULTS)
        bytes_.append([(tmp_path / f"{name}{kind}.png").read_bytes() for kind in "td"])
    assert bytes_[0] == bytes_[1]
