import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import normalize
from support.examples import overlapping

from stages import softmax
from stages.dataset import index
from stages.runtime.errors import StageError
from stages.runtime.provenance import ORIGIN


def run_softmax(folder: Path) -> dict[str, Any]:
    softmax.main(
        "a/b",
        kernel=folder / "kernel.h5",
        rows=folder / "index.csv",
        metrics=folder / "metrics.json",
        timings=folder / "timings.json",
    )
    metrics: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return metrics


@pytest.mark.parametrize("scaling", ["none", "l2"])
@pytest.mark.parametrize("C", [1e-3, 0.1, 10.0])
def test_it_is_scikit_learns_on_the_raw_features(
    scaling: str, C: float, small: dict[str, Any], study: Any
) -> None:
    small["svm"]["normalize"], small["softmax"] = scaling, {"C": C, "max_iter": 1000}
    folder = study(small)
    images, X = overlapping(folder)
    metrics = run_softmax(folder)
    X = normalize(X) if scaling == "l2" else X
    theirs = LogisticRegression(C=C, max_iter=10_000, tol=1e-8).fit(
        X[images.train], images.y[images.train]
    )
    actual, predicted = images.y[~images.train], theirs.predict(X[~images.train])
    assert metrics["accuracy"] == np.mean(actual == predicted)
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(actual, predicted))
    assert (metrics["normalize"], metrics["C"], metrics["converged"]) == (scaling, C, True)


def test_metrics_and_times(folder: Path) -> None:
    overlapping(folder)
    metrics = run_softmax(folder)
    assert set(metrics) == {
        *("accuracy", "balanced_accuracy", *ORIGIN, "C", "max_iter"),
        *("normalize", "converged", "split_digest", "n_train", "n_test"),
    }
    assert all(metrics[key] == "x" for key in ORIGIN)
    assert (metrics["n_train"], metrics["n_test"]) == (45, 45)
    assert {"compact_seconds", "fit_seconds"} < set(json.loads((folder / "timings.json").read_text()))


def test_one_cut_short_says_so_without_a_warning(small: dict[str, Any], study: Any) -> None:
    small["softmax"] = {"C": 1.0, "max_iter": 1}
    folder = study(small)
    overlapping(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_softmax(folder)["converged"] is False


def test_a_kernel_of_other_rows_is_refused(folder: Path) -> None:
    images, _ = overlapping(folder)
    index.write(folder / "index.csv", index.Index(images.keys[1:], images.train[1:]))
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro softmax@a/b"):
        run_softmax(folder)
    assert not (folder / "metrics.json").exists()
