from typing import Any

import numpy as np
import pytest
from support.examples import PROBE, separable, trained, write_other_index

from stages import train, tune
from stages.dataset import index, splits
from stages.kernels import gram
from stages.runtime import files
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.svm import dual

pytestmark = pytest.mark.usefixtures("folder")


def run_tune() -> dict[str, Any]:
    """The metrics and what they were made with."""
    tune.main(PROBE, paths=Paths())
    return trained(PROBE, "tuned")


def test_tune_writes_the_curve_the_svm_and_predictions_that_agree() -> None:
    images = separable()
    metrics = run_tune()
    curve = [(float(x["C"]), float(x["accuracy"])) for x in files.read_csv(Paths().curve(PROBE))]
    assert [C for C, _ in curve] == [0.01, 0.1, 1.0]
    assert dict(curve)[metrics["C"]] == pytest.approx(metrics["cv_accuracy"], abs=1e-5)
    assert (metrics["grid"], metrics["folds"]) == ([0.01, 0.1, 1.0], 3)
    lines = files.read_csv(Paths().predictions(PROBE, "tuned"))
    predicted = [line["predicted"] for line in lines]
    right = [line["actual"] == line["predicted"] for line in lines]
    assert metrics["accuracy"] == np.mean(right)
    svm, attributes = dual.read(Paths().dual(PROBE), PROBE)
    K, _ = gram.read(Paths().kernel(PROBE), PROBE)
    said = svm.decide(K[:, images.train])[~images.train].argmax(axis=1)
    assert [images.classes[k] for k in said] == predicted
    assert (attributes["C"], attributes["normalize"]) == (metrics["C"], "none")
    assert attributes["split"] == splits.digest([images.split])
    assert attributes["rows"] == index.digest(images.keys)


def test_with_the_c_that_was_chosen_train_does_the_same(small: dict[str, Any], study: Any) -> None:
    """With a grid so narrow that all splits choose alike."""
    small["svm"].update(grid=[0.25, 0.2500001], C=0.25)
    study(small)
    separable()
    tuned = run_tune()
    train.main(PROBE, paths=Paths())
    for path in (Paths().predictions, Paths().splits):
        assert path(PROBE, "fixed").read_bytes() == path(PROBE, "tuned").read_bytes()
    fixed = files.read_json(Paths().metrics(PROBE, "fixed"))
    assert fixed.items() <= tuned.items()


def test_tune_does_not_know_the_fixed_c(small: dict[str, Any], study: Any) -> None:
    separable()
    before = run_tune()
    small["svm"]["C"] = 1e-5
    study(small)
    assert run_tune() == before


def test_test_images_do_not_influence_the_choice_of_c() -> None:
    """With other test images only the metrics on those differ."""
    images = separable()
    metrics, curve = run_tune(), Paths().curve(PROBE).read_text()
    K, about = gram.read(Paths().kernel(PROBE), PROBE)
    X = np.linalg.cholesky(K + 1e-9 * np.eye(30))
    test = np.flatnonzero(~images.train)
    X[test] = X[test[::-1]]
    gram.write(Paths().kernel(PROBE), X @ X.T, about)
    after = run_tune()
    assert Paths().curve(PROBE).read_text() == curve
    assert all(after[key] == metrics[key] for key in ("C", "cv_accuracy", "train_accuracy"))
    assert after["accuracy"] != metrics["accuracy"]


def test_tune_refuses_a_kernel_of_other_rows() -> None:
    separable()
    write_other_index()
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro tune@a/b"):
        run_tune()
    assert not Paths().metrics(PROBE, "tuned").exists()
