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
    lines = files.read_csv(Paths().curve(PROBE))
    curve = {float(line["relative_C"]): float(line["accuracy"]) for line in lines}
    assert list(curve) == [0.01, 0.1, 1.0]
    assert curve[metrics["relative_C"]] == pytest.approx(metrics["cv_accuracy"], abs=1e-5)
    assert (metrics["grid"], metrics["folds"]) == ([0.01, 0.1, 1.0], 3)
    lines = files.read_csv(Paths().predictions(PROBE, "tuned"))
    predicted = [line["predicted"] for line in lines]
    right = [line["actual"] == line["predicted"] for line in lines]
    assert metrics["accuracy"] == np.mean(right)
    svm, attributes = dual.read(Paths().dual(PROBE), PROBE)
    K, _ = gram.read(Paths().kernel(PROBE), PROBE)
    said = svm.decide(K[:, images.train])[~images.train].argmax(axis=1)
    assert [images.classes[k] for k in said] == predicted
    known = {name: metrics[name] for name in ("C", "relative_C", "normalize")}
    assert known.items() <= attributes.items()
    assert attributes["split"] == splits.digest([images.split])
    assert attributes["rows"] == index.digest(images.keys)


def test_with_the_c_that_was_chosen_train_does_the_same(small: dict[str, Any], study: Any) -> None:
    """With a grid so narrow that all splits choose alike, and images of the same length."""
    small["svm"].update(grid=[0.25, 0.2500001], C=0.25, normalize="l2")
    study(small)
    separable()
    tuned = run_tune()
    train.main(PROBE, paths=Paths())
    fixed, chosen = (Paths().predictions(PROBE, protocol) for protocol in ("fixed", "tuned"))
    assert fixed.read_bytes() == chosen.read_bytes()
    fixed, chosen = (Paths().splits(PROBE, protocol) for protocol in ("fixed", "tuned"))
    for one, other in zip(files.read_csv(fixed), files.read_csv(chosen), strict=True):
        assert one["accuracy"] == other["accuracy"]
    metrics = files.read_json(Paths().metrics(PROBE, "fixed"))
    assert metrics == pytest.approx({key: tuned[key] for key in metrics})


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
    for key in ("C", "relative_C", "cv_accuracy", "train_accuracy"):
        assert after[key] == pytest.approx(metrics[key])
    assert after["accuracy"] != metrics["accuracy"]


def test_tune_refuses_a_kernel_of_other_rows() -> None:
    separable()
    write_other_index()
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro tune@a/b"):
        run_tune()
    assert not Paths().metrics(PROBE, "tuned").exists()
