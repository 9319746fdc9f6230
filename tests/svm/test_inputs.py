from pathlib import Path

import numpy as np
import pytest
from support.examples import PROBE, provenance

from stages.dataset import index
from stages.kernels import gram
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.svm import inputs

IMAGES = index.Index([("a", "1"), ("b", "2")], index.Split.parse(["train", "test"]))


def load(folder: Path, rows: str, normalize: str = "none") -> inputs.Inputs:
    paths = Paths(folder / "data", folder / "results")
    index.write(paths.index, IMAGES)
    gram.write(paths.kernel(PROBE), np.array([[4.0, 2.0], [2.0, 9.0]]), provenance(rows=rows))
    return inputs.load(PROBE, "train@a/b", paths, normalize=normalize)


def test_a_kernel_comes_normalised_with_its_provenance_and_the_index(tmp_path: Path) -> None:
    rows = index.digest(IMAGES.keys)
    given = load(tmp_path, rows)
    assert given.K.tolist() == [[4.0, 2.0], [2.0, 9.0]]
    assert given.provenance == provenance(rows=rows)
    assert given.index.keys == IMAGES.keys
    assert np.allclose(load(tmp_path, rows, normalize="l2").K, [[1, 1 / 3], [1 / 3, 1]])


def test_other_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"found that of other rows \(1234\).*dvc repro train@a/b"):
        load(tmp_path, "1234")


def test_scores_by_hand() -> None:
    """Three of four are right: two thirds of class 0, all of class 1."""
    found = inputs.score(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert found == pytest.approx({"accuracy": 3 / 4, "balanced_accuracy": 5 / 6})
