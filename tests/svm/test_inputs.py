from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.dataset import index
from stages.kernels import gram
from stages.runtime.errors import StageError
from stages.svm import inputs

IMAGES = index.Index([("a", "1"), ("b", "2")], np.array([True, False]))


def load(folder: Path, rows: str, normalize: str = "none") -> Any:
    index.write(folder / "index.csv", IMAGES)
    gram.write(
        folder / "kernel.h5",
        np.array([[4.0, 2.0], [2.0, 9.0]]),
        {"backbone": "a", "layer": "b", "rows": rows},
    )
    return inputs.load(
        "a/b", "train@a/b", kernel=folder / "kernel.h5", rows=folder / "index.csv", normalize=normalize
    )


def test_a_kernel_comes_with_its_index_as_it_is_wanted(tmp_path: Path) -> None:
    K, about, images = load(tmp_path, index.digest(IMAGES.keys))
    assert K.tolist() == [[4.0, 2.0], [2.0, 9.0]]
    assert about["rows"] == index.digest(IMAGES.keys)
    assert images.keys == IMAGES.keys
    K, _, _ = load(tmp_path, index.digest(IMAGES.keys), normalize="l2")
    assert np.allclose(K, [[1, 1 / 3], [1 / 3, 1]])


def test_other_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"found that of other rows \(1234\).*dvc repro train@a/b"):
        load(tmp_path, "1234")


def test_scores_by_hand() -> None:
    """Three of four right; of class 0 two thirds, of class 1 all."""
    found = inputs.score(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert found == pytest.approx({"accuracy": 3 / 4, "balanced_accuracy": 5 / 6})
