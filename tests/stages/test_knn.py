import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from support.examples import PROBE, overlapping, write_other_index

from stages import knn
from stages.dataset import index, splits
from stages.kernels import gram, neighbours
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths

KS = [1, 3, 5, 10]


def given() -> tuple[index.Index, NDArray[np.float64]]:
    """The rows of `overlapping`, and three random splits."""
    images, X = overlapping()
    sizes = {"train_per_class": 15, "test_per_class": 12}
    draws = [splits.draw(images.keys, np.arange(90), **sizes, seed=[i]) for i in (1, 2, 3)]
    splits.write(Paths().random_splits, draws)
    return images, X


def run_knn() -> dict[str, Any]:
    knn.main(PROBE, paths=Paths())
    record: dict[str, Any] = json.loads(Paths().knn(PROBE).read_text())
    return record


@pytest.mark.parametrize("metric", neighbours.METRICS)
def test_every_number_is_scikit_learns_on_the_raw_features(
    metric: str, small: dict[str, Any], study: Any
) -> None:
    small["knn"]["k"] = KS[::-1]
    study(small)
    images, X = given()
    found = run_knn()[metric]
    assert len(found["random"]) == 3
    every = [images.split, *splits.read(Paths().random_splits)]
    for split, ours in zip(every, [found, *found["random"]], strict=True):
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        knn = KNeighborsClassifier(metric=metric, algorithm="brute")
        search = GridSearchCV(knn, {"n_neighbors": KS}, cv=folds)
        search.fit(X[split.train], images.y[split.train])
        scores = search.cv_results_["mean_test_score"]
        assert ours["cv_accuracy"] == pytest.approx(scores.max())
        assert ours["k"] == KS[np.flatnonzero(scores > scores.max() - 1e-9)[0]]
        best = search.best_estimator_.set_params(n_neighbors=ours["k"])
        actual, predicted = images.y[split.test], best.predict(X[split.test])
        assert ours["accuracy"] == np.mean(actual == predicted)
        assert ours["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(actual, predicted))
    accuracies = [one["accuracy"] for one in found["random"]]
    assert found["mean_accuracy"] == pytest.approx(np.mean(accuracies))
    assert found["std_accuracy"] == pytest.approx(np.std(accuracies, ddof=1))


@pytest.mark.usefixtures("folder")
def test_test_images_do_not_influence_the_choice_of_k() -> None:
    images, X = given()
    before = run_knn()["cosine"]
    X[images.test] = X[images.test][::-1]
    _, about = gram.read(Paths().kernel(PROBE), PROBE)
    gram.write(Paths().kernel(PROBE), X @ X.T, about)
    after = run_knn()["cosine"]
    assert (after["k"], after["cv_accuracy"]) == (before["k"], before["cv_accuracy"])
    assert after["accuracy"] != before["accuracy"]


def test_more_neighbours_than_images_are_refused(small: dict[str, Any], study: Any) -> None:
    small["knn"]["k"] = [1, 1000]
    study(small)
    given()
    with pytest.raises(StageError, match=r"every k of knn\.k to be at most 30, .* found k = 1000"):
        run_knn()


@pytest.mark.usefixtures("folder")
def test_a_kernel_of_other_rows_is_refused() -> None:
    given()
    write_other_index()
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro knn@a/b"):
        run_knn()
