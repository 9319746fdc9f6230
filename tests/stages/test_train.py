import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from support.examples import about

from stages import train
from stages.dataset import index, splits
from stages.kernels import gram
from stages.runtime.errors import StageError
from stages.runtime.provenance import ORIGIN
from stages.svm import dual


def made(folder: Path, seed: int = 0) -> index.Index:
    """An index of 30 rows in 3 classes and the kernel of separable features under it."""
    keys = [(label, f"{i:02}.png") for label in "abc" for i in range(10)]
    alone = np.arange(30)
    masks = np.array([splits.draw(keys, alone, train_per_class=6, seed=[0, i]) for i in range(4)])
    images = index.Index(keys, masks[0])
    index.write(folder / "index.csv", images)
    splits.write(folder / "splits.csv", masks[1:])
    X = np.random.default_rng(seed).normal(size=(30, 50)) + 2 * np.eye(3, 50)[images.y] * 3
    gram.write(folder / "kernel.h5", X @ X.T, about(keys))
    return images


def run_train(folder: Path) -> None:
    train.main(
        "a/b",
        kernel=folder / "kernel.h5",
        rows=folder / "index.csv",
        further=folder / "splits.csv",
        machine=folder / "machine.h5",
        trials=folder / "trials.csv",
        metrics=folder / "metrics.json",
        predictions=folder / "predictions.csv",
        curve=folder / "curve.csv",
        timings=folder / "timings.json",
    )


def test_train_writes_metrics_and_predictions_that_agree(folder: Path) -> None:
    images = made(folder)
    run_train(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    with (folder / "predictions.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [int(line["row"]) for line in lines] == np.flatnonzero(~images.train).tolist()
    assert [line["actual"] for line in lines] == [images.keys[int(line["row"])][0] for line in lines]
    actual, predicted = ([line[key] for line in lines] for key in ("actual", "predicted"))
    assert metrics["accuracy"] == np.mean([a == p for a, p in zip(actual, predicted, strict=True)])
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(actual, predicted))
    assert metrics["accuracy"] > 0.8
    assert metrics["train_accuracy"] == 1.0
    assert all(float(line["margin"]) > 0 for line in lines)
    assert (metrics["feature_dim"], metrics["C"], metrics["converged"]) == (50, 1.0, True)
    assert all(metrics[key] == "x" for key in ORIGIN)
    assert (metrics["n_train"], metrics["n_test"]) == (18, 12)
    with (folder / "curve.csv").open() as file:
        curve = [(float(line["C"]), float(line["accuracy"])) for line in csv.DictReader(file)]
    assert [C for C, _ in curve] == [0.01, 0.1, 1.0]
    assert dict(curve)[metrics["tuned_C"]] == pytest.approx(metrics["cv_accuracy"], abs=1e-5)
    with (folder / "trials.csv").open() as file:
        accuracies = [float(line["accuracy"]) for line in csv.DictReader(file)]
    assert len(accuracies) == metrics["splits"] == 3
    assert metrics["mean_accuracy"] == pytest.approx(np.mean(accuracies))
    assert metrics["std_accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    machine, facts = dual.read(folder / "machine.h5")
    K = gram.read(folder / "kernel.h5")[0]
    said = machine.decide(K[:, images.train])[~images.train].argmax(axis=1)
    assert [images.classes[k] for k in said] == predicted
    assert facts["split"] == splits.digest(images.train)
    assert facts["rows"] == index.digest(images.keys)


def test_no_test_image_has_a_part_in_the_choice_of_c(folder: Path) -> None:
    """With other test images the metrics on them differ, and nothing of the choice does."""
    images = made(folder)
    run_train(folder)
    before = (folder / "curve.csv").read_text(), json.loads((folder / "metrics.json").read_text())
    K, told = gram.read(folder / "kernel.h5")
    X = np.linalg.cholesky(K + 1e-9 * np.eye(30))
    test = np.flatnonzero(~images.train)
    X[test] = X[test[::-1]]
    gram.write(folder / "kernel.h5", X @ X.T, told)
    run_train(folder)
    after = (folder / "curve.csv").read_text(), json.loads((folder / "metrics.json").read_text())
    assert after[0] == before[0]
    assert all(after[1][key] == before[1][key] for key in ("tuned_C", "cv_accuracy", "train_accuracy"))
    assert after[1]["accuracy"] != before[1]["accuracy"]


def test_train_normalises_when_told_to(folder: Path, small: dict[str, Any], study: Any) -> None:
    made(folder)
    margins = {}
    for normalize in ("none", "l2"):
        small["svm"]["normalize"] = normalize
        study(small)
        run_train(folder)
        margins[normalize] = (folder / "predictions.csv").read_text()
        assert json.loads((folder / "metrics.json").read_text())["normalize"] == normalize
    assert margins["none"] != margins["l2"]


def test_train_refuses_a_kernel_of_other_rows(folder: Path) -> None:
    images = made(folder)
    index.write(folder / "index.csv", index.Index(images.keys[1:], images.train[1:]))
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro train@a/b"):
        run_train(folder)
    assert not (folder / "metrics.json").exists()
