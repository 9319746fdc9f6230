from typing import Any

import pytest
from support.results import backbone, row

from stages.reporting import elsewhere
from stages.reporting.table import Row
from stages.runtime.probe import Probe

VGG = {"model": "torchvision/vgg16", "weights": "IMAGENET1K_V1"}
LAYERS = {"p5": "features.30", "mean": {"module": "features.30", "pool": "mean"}, "r6": "classifier.1"}
ROWS = [
    row("vgg/p5", 0.9, n_test=2985),
    row("vgg/mean", 0.95, n_test=2985),
    Row(Probe("vgg", "r6"), "not run"),
    row("untrained/p5", 0.5, n_test=2985),
    Row(Probe("fusion", "f"), "run", (Probe("vgg", "p5"), Probe("untrained", "p5")), None),
]


NETWORKS = [
    backbone("vgg", VGG["model"], VGG["weights"], ROWS[:3]),
    backbone("untrained", VGG["model"], "random", ROWS[3:4]),
]


@pytest.fixture
def params(small: dict[str, Any]) -> dict[str, Any]:
    small["data"]["source"] = "scene15"
    small["backbones"] = {
        "vgg": {**VGG, "layers": LAYERS},
        "untrained": {**VGG, "weights": "random", "layers": LAYERS},
    }
    return small


def test_only_the_same_layer_with_pretrained_weights_stands_beside_the_course(
    params: dict[str, Any],
) -> None:
    found = elsewhere.elsewhere(params, ROWS, NETWORKS)
    assert found
    assert {known.layer: [str(one.row.probe) for one in ours] for known, ours in found.course} == {
        "VGG16 pool4": [],
        "VGG16 pool5": ["vgg/p5"],
        "VGG16 relu6": ["vgg/r6"],
        "VGG16 relu7": [],
        "ResNet50 avgpool": [],
    }


@pytest.mark.parametrize(
    ("accuracy", "images", "inside"), [(0.9, 4, True), (0.95, 153, False), (0.8988, 0, True)]
)
def test_the_difference_is_counted_in_images(
    accuracy: float, images: int, inside: bool, params: dict[str, Any]
) -> None:
    """0.8988 of 2,985 images are 2,683 right ones; 0.9 are 2,686.5, rounded to the even 2,686."""
    known = elsewhere.COURSE[1]
    vgg = backbone("vgg", VGG["model"], VGG["weights"], [row("vgg/p5", accuracy, n_test=2985)])
    (ours,) = elsewhere.beside(known, params, [vgg])
    assert ours.images == round(accuracy * 2985) - 2683
    assert abs(ours.images - images) <= 1
    assert ours.inside == inside
    assert ours.interval[0] < accuracy < ours.interval[1]


@pytest.mark.parametrize("change", [{"data": {"source": "folder"}}, {"splits": {"file": "mine.csv"}}])
def test_other_images_and_other_splits_have_no_comparison(
    change: dict[str, Any], params: dict[str, Any]
) -> None:
    assert elsewhere.elsewhere({**params, **change}, ROWS, NETWORKS) is None


def test_where_we_stand_counts_every_network_once() -> None:
    members = (Probe("a", "x"), Probe("a", "y"), Probe("b", "z"))
    fused = Row(Probe("fusion", "f"), "run", members, row("fusion/f", 0.99).result)
    best = row("a/y", 0.5, mean_tuned_accuracy=0.9)
    rows = [row("a/x", 0.6), best, row("b/z", 0.5), fused, Row(Probe("fusion", "g"), "not run", members)]
    backbones = [
        backbone(name, "m", "w", [], layers=[_Total(count)])  # type: ignore[list-item]
        for name, count in (("a", 100), ("b", 10), ("c", 1))
    ]
    found = elsewhere.standings(rows, backbones)
    assert [(str(one.result.probe), one.parameters) for one in found] == [
        ("a/y", 100),
        ("fusion/f", 110),
    ]
    assert elsewhere.standings([rows[-1]], backbones) == []


class _Total:
    """The last layer of a network with `total` parameters."""

    def __init__(self, total: int) -> None:
        self.total = total


def test_every_published_number_has_an_address() -> None:
    assert all(one.url.startswith("http") for one in elsewhere.PUBLISHED)
