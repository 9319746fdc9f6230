import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.examples import provenance, trained

from stages import fuse, tune_fusion
from stages.dataset import index, splits
from stages.kernels import gram
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.runtime.probe import FUSION, Probe
from stages.runtime.provenance import REQUESTED

KEYS = [(label, f"{i:02}.png") for label in "abc" for i in range(10)]
PROBES = [Probe("squeeze", "pool2"), Probe("shuffle", "stage2")]
BOTH = Probe(FUSION, "both")

pytestmark = pytest.mark.usefixtures("folder")


def made(scales: tuple[float, float] = (1.0, 1.0)) -> None:
    """Write an index, splits and the kernels of two layers; each layer tells one class from the rest."""
    alone = np.arange(30)
    made = [splits.draw(KEYS, alone, train_per_class=6, seed=[0, i]) for i in range(3)]
    images = index.Index(KEYS, made[0])
    index.write(Paths().index, images)
    splits.write(Paths().random_splits, made[1:])
    for number, (probe, scale) in enumerate(zip(PROBES, scales, strict=True)):
        X = np.random.default_rng(number).normal(size=(30, 40))
        X[:, 0] += 8 * (images.y == number)
        X *= scale
        asked = {key: f"{key}{number}" for key in REQUESTED}
        about = provenance(probe=probe, shape=(40,), rows=index.digest(KEYS), **asked)
        gram.write(Paths().kernel(probe), X @ X.T, about)


def run_fuse() -> dict[str, Any]:
    """The metrics and what they were made with."""
    fuse.main("both", paths=Paths())
    return trained(BOTH, "fixed")


def test_two_layers_tell_what_neither_tells_alone() -> None:
    made()
    metrics = run_fuse()
    assert metrics["accuracy"] > 0.9
    assert metrics["feature_dim"] == 80
    assert metrics["members"] == "squeeze/pool2 shuffle/stage2"
    assert all(metrics[key] == f"{key}0 {key}1" for key in REQUESTED)
    assert metrics["splits"] == 2
    assert len(Paths().predictions(BOTH, "fixed").read_text().splitlines()) == 1 + 12
    assert Paths().splits(BOTH, "fixed").exists()
    assert json.loads(Paths().timings("train", BOTH).read_text())["fit_seconds"] > 0
    tune_fusion.main("both", paths=Paths())
    tuned = trained(BOTH, "tuned")
    assert tuned["members"] == metrics["members"]
    assert tuned["accuracy"] > 0.9
    assert Paths().curve(BOTH).exists()


def test_no_layer_outweighs_the_other_by_its_units() -> None:
    made()
    before = run_fuse()
    made(scales=(1000.0, 0.001))
    after = run_fuse()
    assert before["accuracy"] == after["accuracy"]
    assert before["mean_accuracy"] == after["mean_accuracy"]


def test_a_kernel_of_other_rows_is_refused() -> None:
    made()
    kernel = Paths().kernel(PROBES[1])
    K, about = gram.read(kernel, PROBES[1])
    gram.write(kernel, K, replace(about, rows="1234"))
    with pytest.raises(StageError, match="dvc repro fuse@both"):
        run_fuse()
    assert not Paths().metrics(BOTH, "fixed").exists()
    with pytest.raises(StageError, match="dvc repro tune_fusion@both"):
        tune_fusion.main("both", paths=Paths())
