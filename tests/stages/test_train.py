import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from support.examples import PROBE, separable, trained, write_other_index
from support.study import ROOT

from stages import train
from stages.runtime import files
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.runtime.provenance import REQUESTED

pytestmark = pytest.mark.usefixtures("folder")


def run_train() -> dict[str, Any]:
    """The metrics and what they were made with."""
    train.main(PROBE, paths=Paths())
    return trained(PROBE, "fixed")


def test_train_writes_metrics_and_predictions_that_agree() -> None:
    images = separable()
    metrics = run_train()
    lines = files.read_csv(Paths().predictions(PROBE, "fixed"))
    assert [int(line["row"]) for line in lines] == np.flatnonzero(~images.train).tolist()
    assert [line["actual"] for line in lines] == [images.keys[int(line["row"])][0] for line in lines]
    actual, predicted = ([line[key] for line in lines] for key in ("actual", "predicted"))
    assert metrics["accuracy"] == np.mean([a == p for a, p in zip(actual, predicted, strict=True)])
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(actual, predicted))
    assert metrics["accuracy"] > 0.8
    assert metrics["train_accuracy"] == 1.0
    assert all(float(line["margin"]) > 0 for line in lines)
    assert (metrics["feature_dim"], metrics["C"], metrics["converged"]) == (50, 1.0, True)
    assert [metrics[key] for key in REQUESTED] == ["m", "w", "v", "x", "none", "float32", "float16"]
    assert metrics["members"] == str(PROBE)
    assert (metrics["n_train"], metrics["n_test"]) == (18, 12)
    assert 0 <= metrics["largest_gap"] < 1e-10
    accuracies = [float(line["accuracy"]) for line in files.read_csv(Paths().splits(PROBE, "fixed"))]
    assert len(accuracies) == metrics["splits"] == 3
    assert metrics["mean_accuracy"] == pytest.approx(np.mean(accuracies))
    assert metrics["std_accuracy"] == pytest.approx(np.std(accuracies, ddof=1))


def test_train_does_not_know_how_c_is_tuned(small: dict[str, Any], study: Any) -> None:
    separable()
    before = run_train()
    small["svm"].update(grid=[0.5, 2], folds=2, seed=9)
    study(small)
    assert run_train() == before
    assert not (Paths().results / "tuned").exists()


def test_it_starts_quickly() -> None:
    """A fit takes less time than scikit-learn's import; two seconds leave room for a busy computer."""
    loaded = "import sys, stages.train; print(*{name.split('.')[0] for name in sys.modules})"
    command, began = [sys.executable, "-c", loaded], time.perf_counter()
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert time.perf_counter() - began < 2
    assert {"sklearn", "matplotlib", "torch", "PIL"} & set(said) == set()


def test_train_normalises_if_asked_to(small: dict[str, Any], study: Any) -> None:
    margins = {}
    for normalize in ("none", "l2"):
        small["svm"]["normalize"] = normalize
        study(small)
        separable()
        assert run_train()["normalize"] == normalize
        margins[normalize] = Paths().predictions(PROBE, "fixed").read_text()
    assert margins["none"] != margins["l2"]


def test_train_refuses_a_kernel_of_other_rows() -> None:
    separable()
    write_other_index()
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro train@a/b"):
        run_train()
    assert not Paths().metrics(PROBE, "fixed").exists()
