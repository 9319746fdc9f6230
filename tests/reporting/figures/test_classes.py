from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import Images, drawn

from stages.reporting.figures import classes
from stages.reporting.likeness import Likeness
from stages.reporting.predictions import Mistake, Outcome
from stages.runtime.probe import Probe

POOL1, FUSION = Probe("vgg16", "pool1"), Probe("fusion", "networks")
OUTCOME = Outcome(
    rows=[0, 1, 2, 3],
    actual=["a", "a", "b $x$", "a class with a long name"],
    predicted=["a", "b $x$", "b $x$", "a"],
    margin=[1.0, 2.0, 3.0, 4.0],
)


def test_classes_and_confusion(tmp_path: Path) -> None:
    classes.classes(tmp_path / "c.png", {POOL1: OUTCOME, FUSION: OUTCOME})
    classes.confusion(tmp_path / "m.png", POOL1, OUTCOME)
    drawn(tmp_path / "c.png")
    drawn(tmp_path / "m.png")


@pytest.mark.parametrize("count", [0, 1, 4, 5])
def test_mistakes(count: int, tmp_path: Path) -> None:
    """Without a mistake, the figure says so."""
    mistakes = [Mistake(i, "street", "insidecity", 1.5) for i in range(count)]
    pictures = [np.full((1 if i % 2 else 3, 8, 8), 90, dtype=np.uint8) for i in range(count)]
    images: Any = Images(pictures, [("street", f"$image_{i}.jpg") for i in range(count)])
    classes.mistakes(tmp_path / "m.png", POOL1, mistakes, images)
    drawn(tmp_path / "m.png")


def test_similarity(tmp_path: Path) -> None:
    probes = [Probe("vgg16", "pool1"), Probe("vgg16", "pool2"), Probe("resnet50", "avgpool")]
    cka = np.array([[1, 0.8, np.nan], [0.8, 1, -0.01], [np.nan, -0.01, 1]])
    classes.similarity(tmp_path / "s.png", Likeness(probes, cka))
    classes.similarity(tmp_path / "n.png", None)
    drawn(tmp_path / "s.png")
    drawn(tmp_path / "n.png")
