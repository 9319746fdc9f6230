import json
from typing import Any

import pytest
from support.examples import PROBE, separable, write_other_index
from support.study import dump

from stages import learning_curve, tune
from stages.dataset import splits
from stages.runtime import files
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths

pytestmark = pytest.mark.usefixtures("folder")


def run() -> tuple[list[dict[str, str]], dict[str, Any]]:
    """The points, and what they were made with."""
    learning_curve.main(PROBE, paths=Paths())
    points, made = (Paths().learning_curve(PROBE, name) for name in ("points.csv", "run.json"))
    return files.read_csv(points), json.loads(made.read_text())


def test_each_draw_has_a_point_for_each_size() -> None:
    images = separable()
    tune.main(PROBE, paths=Paths())
    lines, made = run()
    assert [(line["draw"], line["per_class"]) for line in lines] == [
        (draw, size) for draw in "123" for size in "136"
    ]
    assert [line["tuned"] == "" for line in lines] == [True, False, False] * 3  # of three folds
    whole = files.read_csv(Paths().splits(PROBE, "tuned"))
    assert [line["tuned"] for line in lines[2::3]] == [line["accuracy"] for line in whole]
    every = [images.split, *splits.read(Paths().random_splits)]
    known = {"per_class": [1, 3, 6], "relative_C": 10, "seed": 0, "folds": 3, "normalize": "none"}
    assert {**known, "split_digest": splits.digest(every)}.items() <= made.items()
    assert run() == (lines, made)


def test_the_fixed_c_of_the_study_does_not_matter(small: dict[str, Any]) -> None:
    separable()
    tune.main(PROBE, paths=Paths())
    before = run()
    small["svm"]["C"] = 1e-5
    dump(small, Paths().data.parent / "params.yaml")
    assert run() == before


def test_kernels_of_other_rows_are_refused() -> None:
    separable()
    tune.main(PROBE, paths=Paths())
    write_other_index()
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro learning_curve@a/b"):
        run()
