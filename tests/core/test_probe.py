import json
from pathlib import Path

import numpy as np
import pytest

from stages.core import index, probe
from stages.core.command import StageError

IMAGES = index.Index([("a", "1"), ("b", "2")], np.array([True, False]))


def test_other_rows_are_refused() -> None:
    probe.refuse_other_rows("train@a/b", index.digest(IMAGES.keys), IMAGES)
    with pytest.raises(StageError, match=r"found one of other rows \(1234\).*dvc repro train@a/b"):
        probe.refuse_other_rows("train@a/b", "1234", IMAGES)


def test_scores_by_hand() -> None:
    """Three of four right; of class 0 two thirds, of class 1 all."""
    found = probe.score(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    assert found == pytest.approx({"accuracy": 3 / 4, "balanced_accuracy": 5 / 6})


def test_metrics_are_flat_json(tmp_path: Path) -> None:
    probe.write_metrics(tmp_path / "a" / "m.json", {"accuracy": 0.5, "converged": True})
    assert json.loads((tmp_path / "a" / "m.json").read_text()) == {"accuracy": 0.5, "converged": True}
