from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import glimpse, predictions

from stages.core import glimpses, story
from stages.core.anatomy import Layer
from stages.core.glimpses import FIRST
from stages.core.index import Index
from stages.core.outcomes import Outcome
from stages.core.story import Backbone
from stages.core.table import Row


def row(backbone: str, layer: str, accuracy: float, **more: Any) -> Row:
    return Row(backbone, layer, "run", accuracy=accuracy, n_test=100, **more)


def backbone(name: str, model: str, weights: str, rows: list[Row], seen: Any = None) -> Backbone:
    return Backbone(name, model, weights, rows, None, seen, None)


ROWS = [row("net", "a", 0.7), row("net", "b", 0.905), Row("net", "c", "not run")]
CONTROL = [row("control", "b", 0.4), row("control", "z", 0.3)]
NET = backbone("net", "torchvision/net", "V1", ROWS)
RANDOM = backbone("control", "torchvision/net", "random:2", CONTROL)
OTHER = backbone("other", "timm/other", "pretrained", [row("other", "b", 0.9)])


def test_what_a_backbone_knows_of_itself() -> None:
    assert NET.best == ROWS[1]
    assert NET.run == ROWS[:2]
    assert [NET.random, RANDOM.random] == [False, True]
    assert [NET.note, NET.said] == ["not run", None]
    assert backbone("x", "m", "V1", [], glimpse(said="why not")).note == "why not"
    assert backbone("x", "m", "V1", [], glimpse()).said is not None


def test_what_was_seen_with_other_weights_is_not_told(tmp_path: Path, small: dict[str, Any]) -> None:
    entry = small["backbones"]["squeeze"]
    same = {key: entry[key] for key in ("model", "weights")}
    glimpses.write(tmp_path / "squeeze.h5", glimpse(**same))
    folders = (tmp_path, tmp_path, tmp_path)
    assert story.backbones(small, [], *folders)[0].said is not None
    entry["weights"] = "random:7"
    assert story.backbones(small, [], *folders)[0].note == "not run"


def test_pairs_are_of_the_same_model_and_layer() -> None:
    assert story.pairs([NET, RANDOM, OTHER]) == [(ROWS[1], CONTROL[0])]


def test_the_best_of_all() -> None:
    assert story.best_row([*ROWS, *CONTROL, *OTHER.rows]) == ROWS[1]
    assert story.best_row([ROWS[2]]) is None


def test_each_probe_is_compared_with_the_best() -> None:
    """Three probes on twenty images: one right on all, one wrong on two of them, one on ten."""
    rows = [row("n", "a", 0.5), row("n", "b", 1.0), row("m", "c", 0.9), Row("m", "d", "not run")]
    right = {"n/a": 10, "n/b": 20, "m/c": 18}
    told = {
        probe: Outcome(list(range(20)), ["x"] * 20, ["x"] * count + ["y"] * (20 - count), [1.0] * 20)
        for probe, count in right.items()
    }
    found = story.compared(rows, told)
    # Only the best is right on 10 and on 2 images: 2 / 2^10 and 2 / 2^2, for two tests and for one.
    assert [row.p_best for row in found] == [pytest.approx(2 * 2 / 2**10), None, 0.5, None]
    assert [row.p_backbone for row in found] == [pytest.approx(2 / 2**10), None, None, None]
    assert story.alike(found[:3], found[1]) == found[1:3]


def test_the_standard_error_is_that_of_a_share() -> None:
    """Against the spread of shares drawn at random."""
    drawn = np.random.default_rng(0).binomial(100, 0.7, size=200_000) / 100
    assert story.standard_error(ROWS[0]) == pytest.approx(drawn.std(), rel=0.01)


def test_what_is_absent_is_counted() -> None:
    assert story.absent([NET, RANDOM]) == ["net: 1 of its 3 probes not run"]


def test_models_are_told_once() -> None:
    assert story.one_of_each_model([OTHER, NET, RANDOM]) == [OTHER, NET]
    assert story.one_of_each_model([RANDOM, OTHER, NET]) == [RANDOM, OTHER]


def test_the_softmax_layer_against_the_svm() -> None:
    rows = [
        row("n", "a", 0.8, softmax_accuracy=0.9, softmax_seconds=1.0, svm_seconds=2.0),
        row("n", "b", 0.8, softmax_accuracy=0.8, softmax_seconds=2.0, svm_seconds=3.0),
        row("n", "c", 0.8, softmax_accuracy=0.76, softmax_seconds=9.0, svm_seconds=5.0),
    ]
    assert story.lead(rows) == pytest.approx(
        {"leads": 1, "points": 2.0, "seconds": 2.0, "svm_seconds": 3.0}
    )


def test_what_tuning_gains() -> None:
    rows = [row("n", "a", 0.8, tuned_accuracy=0.825), row("n", "b", 0.8, tuned_accuracy=0.7998)]
    assert [f"{points:+.1f}" for points in story.gains(rows)] == ["+2.5", "+0.0"]


def test_labels_that_are_names_of_classes() -> None:
    classes = ["Sea shore", "valley", "living room"]
    assert story.named_alike(["coast", "livingroom", "Valley"], classes) == ["livingroom", "Valley"]


def test_scenes_and_what_is_said_of_them() -> None:
    keys = [("coast", str(i)) for i in range(3)] + [("forest", str(i)) for i in range(3)]
    index = Index(keys, np.array([True, False, False, True, False, False]))
    assert story.scenes(predictions(), index) == [
        ("coast", "tench", 1.0, 1),
        ("forest", "goldfish", 0.5, 2),
    ]


def test_maps_that_follow_brightness_and_edges() -> None:
    """Four maps made by hand: the picture, its negative, its edges, and a constant."""
    picture = np.full((32, 32), 20.0)
    picture[:, 16:] = 220
    picture[20:, 4:9] = 130
    edges = np.hypot(*np.gradient(picture))
    made = glimpse(
        names=["x"],
        pixels=np.broadcast_to(picture, (1, 3, 32, 32)).astype(np.uint8),
        maps={FIRST: np.stack([picture, -picture, edges, 0 * picture])[None]},
    )
    assert story.first_maps(made) == {"maps": 4, "brightness": 2, "edges": 1}


@pytest.mark.parametrize(
    ("shape", "text"), [((512, 7, 7), "7 x 7 x 512"), ((4096,), "4,096"), ((197, 768), "197 x 768")]
)
def test_sizes(shape: tuple[int, ...], text: str) -> None:
    assert story.size(shape) == text


def test_the_largest_layer_and_the_hardest_class() -> None:
    layers = [
        Layer("a", "Conv2d", "8 x 8 x 4", 10, "", 1, 11),
        Layer("b", "Linear", "1,000", 9, "", 5, 25),
        Layer("aux", "Linear", "", 2, "", 0, 27),
    ]
    assert story.largest(layers).path == "b"
    assert story.last(layers).path == "b"
    outcome = Outcome([0, 1, 2], ["a", "b", "b"], ["a", "a", "b"], [1.0, 1.0, 1.0])
    assert story.hardest(outcome, 1) == [("b", 0.5)]


@pytest.mark.parametrize(
    ("source", "text"),
    [("scene15", "the published one"), ("folder", "6 of each class for training, drawn with seed 0")],
)
def test_the_split(source: str, text: str, small: dict[str, Any]) -> None:
    small["data"]["source"] = source
    assert story.split(small) == text
