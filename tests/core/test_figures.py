from pathlib import Path

import numpy as np
from PIL import Image

from stages.core import figures
from stages.core.table import Row

ROWS = [
    Row("vgg16", "pool1", "run", accuracy=0.5, feature_dim=802_816),
    Row("vgg16", "pool2", "run", accuracy=0.7, feature_dim=401_408),
    *(Row("resnet50", f"layer{i}", "run", accuracy=0.9, feature_dim=2048) for i in range(4)),
    Row("resnet50", "avgpool", "not run"),
]


def test_a_panel_for_each_backbone(tmp_path: Path) -> None:
    figures.accuracy_by_layer(tmp_path / "all.png", ROWS)
    figures.accuracy_by_layer(tmp_path / "one.png", ROWS[:2])
    figures.accuracy_by_layer(tmp_path / "none.png", ROWS[-1:])
    sizes = [Image.open(tmp_path / f"{name}.png").size for name in ("all", "one", "none")]
    assert sizes[0][0] > sizes[1][0] >= sizes[2][0]
    assert np.asarray(Image.open(tmp_path / "all.png").convert("L")).std() > 5


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        figures.accuracy_by_layer(tmp_path / f"{name}.png", ROWS)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
