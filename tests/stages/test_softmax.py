import json
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import normalize
from support.examples import PROBE, overlapping, write_other_index

from stages import softmax
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.runtime.provenance import REQUESTED


def run_softmax() -> dict[str, Any]:
    softmax.main(PROBE, paths=Paths())
    metrics: dict[str, Any] = json.loads(Paths().softmax(PROBE).read_text())
    return metrics


@pytest.mark.parametrize("scaling", ["none", "l2"])
@pytest.mark.parametrize("C", [1e-3, 0.1, 10.0])
def test_accuracies_are_scikit_learns_on_the_raw_features(
    scaling: str, C: float, small: dict[str, Any], study: Any
) -> None:
    small["svm"]["normalize"], small["softmax"] = scaling, {"C": C, "max_iter": 1000}
    study(small)
    images, X = overlapping()
    metrics = run_softmax()
    X = normalize(X) if scaling == "l2" else X
    theirs = LogisticRegression(C=C, max_iter=10_000, tol=1e-8).fit(
        X[images.train], images.y[images.train]
    )
    actual, predicted = images.y[images.test], theirs.predict(X[images.test])
    assert metrics["accuracy"] == np.mean(actual == predicted)
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(actual, predicted))
    assert (metrics["normalize"], metrics["C"], metrics["converged"]) == (scaling, C, True)


@pytest.mark.usefixtures("folder")
def test_metrics_and_times() -> None:
    overlapping()
    metrics = run_softmax()
    assert set(metrics) == {
        *("accuracy", "balanced_accuracy", *REQUESTED, "C", "max_iter"),
        *("normalize", "converged", "split_digest", "n_train", "n_test"),
    }
    assert [metrics[key] for key in REQUESTED] == ["m", "w", "v", "x", "none", "float32", "float16"]
    assert (metrics["n_train"], metrics["n_test"]) == (45, 36)
    times = json.loads(Paths().timings("softmax", PROBE).read_text())
    assert {"map_seconds", "fit_seconds"} < set(times)


def test_a_fit_that_is_cut_short_says_so_without_a_warning(small: dict[str, Any], study: Any) -> None:
    small["softmax"] = {"C": 1.0, "max_iter": 1}
    study(small)
    overlapping()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_softmax()["converged"] is False


@pytest.mark.usefixtures("folder")
def test_a_kernel_of_other_rows_is_refused() -> None:
    overlapping()
    write_other_index()
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro softmax@a/b"):
        run_softmax()
    assert not Paths().softmax(PROBE).exists()
