import json
from pathlib import Path
from typing import Any

import pytest
from support.results import backbone, row

from stages.reporting import learning
from stages.reporting.learning import Point
from stages.reporting.results import Study
from stages.runtime import files
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import requested

POOL1 = Probe("squeeze", "pool1")
A, B, C = Probe("net", "a"), Probe("net", "b"), Probe("control", "b")
BACKBONES = [
    backbone("net", "timm/net", "V1", [row("net/a", 0.7), row("net/b", 0.8)]),
    backbone("control", "timm/net", "random", [row("control/b", 0.5)]),
]
LINES = "draw,per_class,fixed,tuned\n1,1,0.2,\n1,10,0.5,0.6\n2,1,0.4,\n2,10,0.5,0.7\n"


def points(*means: float) -> list[Point]:
    return [Point(size, mean, 0.1, size > 1) for size, mean in zip((1, 5, 10), means, strict=True)]


@pytest.fixture
def study(small: dict[str, Any], tmp_path: Path) -> Study:
    study = Study(small, Paths(tmp_path / "data", tmp_path / "results"), "12", "1234")
    svm = {key: small["svm"][key] for key in ("grid", "folds", "seed", "solver", "normalize")}
    record = {**requested(small, POOL1), **svm, **small["learning_curve"], "split_digest": "1234"}
    made, lines = (study.paths.learning_curve(POOL1, name) for name in ("run.json", "points.csv"))
    files.write_json(made, record)
    lines.write_text(LINES)
    return study


def test_a_point_is_the_mean_over_the_draws(study: Study) -> None:
    ((probe, (first, second)),) = learning.read(study).items()
    assert probe == POOL1
    assert (first.per_class, first.mean_accuracy, first.tuned) == (1, pytest.approx(0.3), False)
    assert (second.per_class, second.mean_accuracy, second.tuned) == (10, pytest.approx(0.65), True)
    assert second.std_accuracy == pytest.approx(0.1 / 2**0.5)


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("learning_curve", "per_class", [1, 2]), ("learning_curve", "relative_C", 1),
        ("learning_curve", "seed", 1), ("svm", "grid", [1.0, 2.0]), ("svm", "normalize", "l2"),
    ],
)  # fmt: skip
def test_curves_of_other_parameters_are_not_shown(
    section: str, key: str, value: object, study: Study, small: dict[str, Any]
) -> None:
    small[section][key] = value
    assert learning.read(study) == {}


def test_curves_of_other_splits_are_not_shown(study: Study) -> None:
    made = study.paths.learning_curve(POOL1, "run.json")
    made.write_text(json.dumps({**json.loads(made.read_text()), "split_digest": "others"}))
    assert learning.read(study) == {}


def test_the_best_layer_of_each_backbone_and_when_it_passes_random_weights() -> None:
    curves = {A: points(0.3, 0.5, 0.6), B: points(0.2, 0.45, 0.7), C: points(0.1, 0.3, 0.4)}
    found = learning.learning(curves, BACKBONES)
    assert found
    assert (list(found.curves), found.best, found.passed) == ([B, C], B, (C, 5))
    assert found.sizes == [1, 5, 10]


def test_random_weights_that_are_best_are_not_passed() -> None:
    curves = {B: points(0.2, 0.3, 0.4), C: points(0.3, 0.4, 0.5)}
    found = learning.learning(curves, BACKBONES)
    assert found
    assert (found.best, found.passed) == (C, None)


def test_without_random_weights_or_curves() -> None:
    found = learning.learning({A: points(0.3, 0.5, 0.6)}, BACKBONES)
    assert found
    assert (found.best, found.passed) == (A, None)
    assert learning.learning({}, BACKBONES) is None
