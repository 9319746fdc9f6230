import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import fuse
from stages.dataset import index, splits
from stages.kernels import gram
from stages.runtime.errors import StageError
from stages.runtime.provenance import ORIGIN

KEYS = [(label, f"{i:02}.png") for label in "abc" for i in range(10)]
PROBES = ["squeeze/pool2", "shuffle/stage2"]


def made(folder: Path, scales: tuple[float, float] = (1.0, 1.0)) -> None:
    """An index, splits and the kernels of two layers, each of which tells one class from the rest."""
    alone = np.arange(30)
    masks = np.array([splits.draw(KEYS, alone, train_per_class=6, seed=[0, i]) for i in range(3)])
    index.write(folder / "index.csv", index.Index(KEYS, masks[0]))
    splits.write(folder / "splits.csv", masks[1:])
    y = index.Index(KEYS, masks[0]).y
    for number, (probe, scale) in enumerate(zip(PROBES, scales, strict=True)):
        X = np.random.default_rng(number).normal(size=(30, 40))
        X[:, 0] += 8 * (y == number)
        X *= scale
        origin = {key: f"{key}{number}" for key in ORIGIN} | {"rows": index.digest(KEYS)}
        origin |= dict(zip(("backbone", "layer"), probe.split("/"), strict=True))
        path = folder / "kernels" / f"{probe}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        gram.write(path, X @ X.T, {**origin, "feature_dim": 40})


def run_fuse(folder: Path) -> dict[str, Any]:
    names = ("predictions", "curve", "trials", "timings")
    fuse.main(
        "both",
        kernels=folder / "kernels",
        rows=folder / "index.csv",
        further=folder / "splits.csv",
        metrics=folder / "metrics.json",
        **{name: folder / name for name in names},
    )
    return dict(json.loads((folder / "metrics.json").read_text()))


def test_two_layers_tell_what_neither_tells_alone(folder: Path) -> None:
    made(folder)
    metrics = run_fuse(folder)
    assert metrics["accuracy"] > 0.9
    assert metrics["feature_dim"] == 80
    assert metrics["members"] == "squeeze/pool2 shuffle/stage2"
    assert all(metrics[key] == f"{key}0 {key}1" for key in ORIGIN)
    assert metrics["splits"] == 2
    assert len((folder / "predictions").read_text().splitlines()) == 1 + 12


def test_no_layer_outweighs_the_other_by_its_units(folder: Path) -> None:
    made(folder)
    before = run_fuse(folder)
    made(folder, scales=(1000.0, 0.001))
    after = run_fuse(folder)
    assert before["accuracy"] == after["accuracy"]
    assert before["mean_accuracy"] == after["mean_accuracy"]


def test_a_kernel_of_other_rows_is_refused(folder: Path) -> None:
    made(folder)
    kernel = folder / "kernels" / "shuffle" / "stage2.h5"
    K, about = gram.read(kernel)
    gram.write(kernel, K, {**about, "rows": "1234"})
    with pytest.raises(StageError, match="dvc repro fuse@both"):
        run_fuse(folder)
    assert not (folder / "metrics.json").exists()
