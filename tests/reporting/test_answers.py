from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import inspection, predictions

from stages.dataset.index import Index
from stages.inspection import record
from stages.inspection.record import FIRST
from stages.inspection.summary import Layer
from stages.reporting import answers
from stages.reporting.answers import Backbone
from stages.reporting.predictions import Component, Outcome
from stages.reporting.table import Row


def row(backbone: str, layer: str, accuracy: float, **more: Any) -> Row:
    return Row(backbone, layer, "run", accuracy=accuracy, n_test=100, **more)


def backbone(name: str, model: str, weights: str, rows: list[Row], seen: Any = None) -> Backbone:
    return Backbone(name, model, weights, rows, None, seen, None)


ROWS = [row("net", "a", 0.7), row("net", "b", 0.905), Row("net", "c", "not run")]
CONTROL = [row("control", "b", 0.4), row("control", "z", 0.3)]
NET = backbone("net", "torchvision/net", "V1", ROWS)
RANDOM = backbone("control", "torchvision/net", "random:2", CONTROL)
OTHER = backbone("other", "timm/other", "pretrained", [row("other", "b", 0.95)])
FUSION = row("fusion", "f", 0.99, members="control/b net/a net/b")


def test_what_a_backbone_knows_of_itself() -> None:
    assert NET.best == ROWS[1]
    assert NET.run == ROWS[:2]
    assert [NET.random, RANDOM.random] == [False, True]
    assert [NET.note, NET.said] == ["not run", None]
    assert backbone("x", "m", "V1", [], inspection(said="why not")).note == "why not"
    assert backbone("x", "m", "V1", [], inspection()).said is not None


def test_what_was_seen_with_other_weights_is_not_told(tmp_path: Path, small: dict[str, Any]) -> None:
    entry = small["backbones"]["squeeze"]
    same = {key: entry[key] for key in ("model", "weights")}
    record.write(tmp_path / "squeeze.h5", inspection(**same))
    folders = (tmp_path, tmp_path, tmp_path)
    assert answers.backbones(small, [], *folders)[0].said is not None
    entry["weights"] = "random:7"
    assert answers.backbones(small, [], *folders)[0].note == "not run"


def test_pairs_are_of_the_same_model_and_layer() -> None:
    assert answers.pairs([NET, RANDOM, OTHER]) == [(ROWS[1], CONTROL[0])]


def test_what_is_absent_is_counted() -> None:
    fusions = [Row("fusion", "x", "out of date"), Row("fusion", "y", "not run"), FUSION]
    rows = [*ROWS, *CONTROL, *fusions]
    assert answers.absent([NET, RANDOM], rows) == [
        "fusion/x out of date",
        "fusion/y not run",
        "net: 1 of its 3 probes not run",
    ]
    assert answers.absent([RANDOM], [*CONTROL, FUSION]) == []


def test_the_most_memory_of_each_stage() -> None:
    """A fusion has its own training only; what is not there takes none."""
    GiB = 2**30
    rows = [
        row("n", "a", 0.5, extract_peak_bytes=GiB, kernel_peak_bytes=GiB // 2, train_peak_bytes=GiB),
        row("fusion", "f", 0.5, train_peak_bytes=3 * GiB),
    ]
    assert answers.peaks(rows) == {"extract": "1.00", "kernel": "0.50", "train": "3.00"}
    assert answers.peaks([]) == {}


def test_the_best_member_of_a_fusion() -> None:
    """Its b has 0.905 and is a member; that of another network is better and is none."""
    assert answers.best_member(FUSION, [*CONTROL, *OTHER.rows, *NET.run, FUSION]) == ROWS[1]


@pytest.mark.parametrize(
    ("accuracies", "number"), [([0.5, 0.895, 0.8, 0.9], 2), ([0.95, 0.5, 0.9], 1), ([0.5, 0.88, 0.9], 4)]
)
def test_the_fewest_components_within_a_point_of_the_best(accuracies: list[float], number: int) -> None:
    points = [Component(2**power, 0.5, accuracy, 0.5, 1.0) for power, accuracy in enumerate(accuracies)]
    assert answers.enough(points).components == number
    assert answers.best_of(points).accuracy == max(accuracies)


def test_models_are_told_once() -> None:
    assert answers.one_of_each_model([OTHER, NET, RANDOM]) == [OTHER, NET]
    assert answers.one_of_each_model([RANDOM, OTHER, NET]) == [RANDOM, OTHER]


def test_the_softmax_layer_against_the_svm() -> None:
    rows = [
        row("n", "a", 0.8, softmax_accuracy=0.9, softmax_seconds=1.0, svm_seconds=2.0),
        row("n", "b", 0.8, softmax_accuracy=0.8, softmax_seconds=2.0, svm_seconds=3.0),
        row("n", "c", 0.8, softmax_accuracy=0.76, softmax_seconds=9.0, svm_seconds=5.0),
    ]
    assert answers.lead(rows) == pytest.approx(
        {"leads": 1, "points": 2.0, "seconds": 2.0, "svm_seconds": 3.0}
    )


def test_what_tuning_gains() -> None:
    rows = [row("n", "a", 0.8, tuned_accuracy=0.825), row("n", "b", 0.8, tuned_accuracy=0.7998)]
    assert [f"{points:+.1f}" for points in answers.gains(rows)] == ["+2.5", "+0.0"]


def test_labels_that_are_names_of_classes() -> None:
    classes = ["Sea shore", "valley", "living room"]
    assert answers.named_alike(["coast", "livingroom", "Valley"], classes) == ["livingroom", "Valley"]


def test_scenes_and_what_is_said_of_them() -> None:
    keys = [("coast", str(i)) for i in range(3)] + [("forest", str(i)) for i in range(3)]
    index = Index(keys, np.array([True, False, False, True, False, False]))
    assert answers.scenes(predictions(), index) == [
        ("coast", "tench", 1.0, 1),
        ("forest", "goldfish", 0.5, 2),
    ]


def test_maps_that_follow_brightness_and_edges() -> None:
    """Four maps made by hand: the picture, its negative, its edges, and a constant."""
    picture = np.full((32, 32), 20.0)
    picture[:, 16:] = 220
    picture[20:, 4:9] = 130
    edges = np.hypot(*np.gradient(picture))
    made = inspection(
        names=["x"],
        pixels=np.broadcast_to(picture, (1, 3, 32, 32)).astype(np.uint8),
        maps={FIRST: np.stack([picture, -picture, edges, 0 * picture])[None]},
    )
    assert answers.first_maps(made) == {"maps": 4, "brightness": 2, "edges": 1}


@pytest.mark.parametrize(
    ("shape", "text"), [((512, 7, 7), "7 x 7 x 512"), ((4096,), "4,096"), ((197, 768), "197 x 768")]
)
def test_sizes(shape: tuple[int, ...], text: str) -> None:
    assert answers.size(shape) == text


def test_the_largest_layer_and_the_hardest_class() -> None:
    layers = [
        Layer("a", "Conv2d", "8 x 8 x 4", 10, "", 1, 11),
        Layer("b", "Linear", "1,000", 9, "", 5, 25),
        Layer("aux", "Linear", "", 2, "", 0, 27),
    ]
    assert answers.largest(layers).path == "b"
    assert answers.last(layers).path == "b"
    outcome = Outcome([0, 1, 2], ["a", "b", "b"], ["a", "a", "b"], [1.0, 1.0, 1.0])
    assert answers.hardest(outcome, 1) == [("b", 0.5)]


@pytest.mark.parametrize(
    ("source", "text"),
    [("scene15", "the published one"), ("folder", "6 of each class for training, drawn with seed 0")],
)
def test_the_split(source: str, text: str, small: dict[str, Any]) -> None:
    small["data"]["source"] = source
    assert answers.split(small) == text


@pytest.mark.parametrize(
    ("grouped", "text"),
    [
        (False, "2, each with 6 training images of each class"),
        (True, "2, each with 6 training images of each class, duplicates on the same side"),
    ],
)
def test_the_random_splits(grouped: bool, text: str, small: dict[str, Any]) -> None:
    small["splits"]["group_duplicates"] = grouped
    assert answers.further(small) == text
