import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from support.examples import PROBE, provenance, write_other_index

from stages import train
from stages.dataset import index, splits
from stages.kernels import gram
from stages.runtime import files
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.runtime.provenance import REQUESTED
from stages.svm import dual

pytestmark = pytest.mark.usefixtures("folder")


def made() -> index.Index:
    """Write an index of 30 rows in 3 classes, splits, and the kernel of separable features."""
    keys = [(label, f"{i:02}.png") for label in "abc" for i in range(10)]
    alone = np.arange(30)
    masks = np.array([splits.draw(keys, alone, train_per_class=6, seed=[0, i]) for i in range(4)])
    images = index.Index(keys, masks[0])
    index.write(Paths().index, images)
    splits.write(Paths().random_splits, masks[1:])
    X = np.random.default_rng(0).normal(size=(30, 50)) + 2 * np.eye(3, 50)[images.y] * 3
    gram.write(Paths().kernel(PROBE), X @ X.T, provenance(rows=index.digest(keys)))
    return images


def run_train() -> dict[str, Any]:
    """The metrics and what they were made with."""
    train.main(PROBE, paths=Paths())
    metrics, made = (
        json.loads(path.read_text()) for path in (Paths().metrics(PROBE), Paths().run(PROBE))
    )
    assert not metrics.keys() & made.keys()
    assert all(isinstance(value, int | float) for value in metrics.values())
    return {**metrics, **made}


def test_train_writes_metrics_and_predictions_that_agree() -> None:
    images = made()
    metrics = run_train()
    lines = files.read_csv(Paths().predictions(PROBE))
    assert [int(line["row"]) for line in lines] == np.flatnonzero(~images.train).tolist()
    assert [line["actual"] for line in lines] == [images.keys[int(line["row"])][0] for line in lines]
    actual, predicted = ([line[key] for line in lines] for key in ("actual", "predicted"))
    assert metrics["accuracy"] == np.mean([a == p for a, p in zip(actual, predicted, strict=True)])
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(actual, predicted))
    assert metrics["accuracy"] > 0.8
    assert metrics["train_accuracy"] == 1.0
    assert all(float(line["margin"]) > 0 for line in lines)
    tuned = [line["tuned_predicted"] for line in lines]
    assert metrics["tuned_accuracy"] == np.mean([a == p for a, p in zip(actual, tuned, strict=True)])
    assert 0 <= metrics["largest_gap"] < 1e-10
    assert (metrics["feature_dim"], metrics["C"], metrics["converged"]) == (50, 1.0, True)
    assert [metrics[key] for key in REQUESTED] == ["m", "w", "x", "float32", "float16"]
    assert (metrics["n_train"], metrics["n_test"]) == (18, 12)
    curve = [(float(x["C"]), float(x["accuracy"])) for x in files.read_csv(Paths().curve(PROBE))]
    assert [C for C, _ in curve] == [0.01, 0.1, 1.0]
    assert dict(curve)[metrics["tuned_C"]] == pytest.approx(metrics["cv_accuracy"], abs=1e-5)
    accuracies = [float(line["accuracy"]) for line in files.read_csv(Paths().splits(PROBE))]
    assert len(accuracies) == metrics["splits"] == 3
    assert metrics["mean_accuracy"] == pytest.approx(np.mean(accuracies))
    assert metrics["std_accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    svm, attributes = dual.read(Paths().dual(PROBE), PROBE)
    K, _ = gram.read(Paths().kernel(PROBE), PROBE)
    said = svm.decide(K[:, images.train])[~images.train].argmax(axis=1)
    assert [images.classes[k] for k in said] == predicted
    assert attributes["split"] == splits.digest(images.train)
    assert attributes["rows"] == index.digest(images.keys)


def test_test_images_do_not_influence_the_choice_of_c() -> None:
    """With other test images only the metrics on those differ."""
    images = made()
    metrics, curve = run_train(), Paths().curve(PROBE).read_text()
    K, about = gram.read(Paths().kernel(PROBE), PROBE)
    X = np.linalg.cholesky(K + 1e-9 * np.eye(30))
    test = np.flatnonzero(~images.train)
    X[test] = X[test[::-1]]
    gram.write(Paths().kernel(PROBE), X @ X.T, about)
    after = run_train()
    assert Paths().curve(PROBE).read_text() == curve
    assert all(after[key] == metrics[key] for key in ("tuned_C", "cv_accuracy", "train_accuracy"))
    assert after["accuracy"] != metrics["accuracy"]


def test_train_normalises_if_asked_to(small: dict[str, Any], study: Any) -> None:
    margins = {}
    for normalize in ("none", "l2"):
        small["svm"]["normalize"] = normalize
        study(small)
        made()
        assert run_train()["normalize"] == normalize
        margins[normalize] = Paths().predictions(PROBE).read_text()
    assert margins["none"] != margins["l2"]


def test_train_refuses_a_kernel_of_other_rows() -> None:
    made()
    write_other_index()
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro train@a/b"):
        run_train()
    assert not Paths().metrics(PROBE).exists()
