import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import LinearSVC

from stages.dataset.index import Split
from stages.runtime.errors import StageError
from stages.svm import learning
from stages.svm.tuning import Tuned

GRID, SIZES = [0.1, 1.0, 10.0], [1, 2, 4, 10]
TUNED = Tuned(GRID, 3, 0, "newton")
RNG = np.random.default_rng(0)
Y = np.arange(90) % 3
X = RNG.normal(size=(90, 40)) + 1.5 * np.eye(3, 40)[Y]
SPLIT = Split(np.arange(90) < 45, np.arange(90) >= 50)


def test_every_size_has_that_many_of_each_class_the_fewer_among_the_more() -> None:
    parts = learning.nested(SPLIT, Y, SIZES, [0])
    before: NDArray[np.bool_] = np.zeros(90, dtype=np.bool_)
    for size, part in zip(SIZES, parts, strict=True):
        assert np.bincount(Y[part.train]).tolist() == [size] * 3
        assert (part.train & SPLIT.train).sum() == part.train.sum()
        assert (before & ~part.train).sum() == 0
        assert np.array_equal(part.test, SPLIT.test)
        before = part.train
    others = learning.nested(SPLIT, Y, SIZES, [1])
    assert not np.array_equal(others[-1].train, parts[-1].train)


def test_accuracies_are_scikit_learns_on_the_raw_features() -> None:
    found = learning.curve(X @ X.T, Y, SPLIT, SIZES, seed=[0], relative_C=2.0, tuned=TUNED, whole=-1.0)
    parts = learning.nested(SPLIT, Y, SIZES, [0])
    for point, part, size in zip(found, parts, SIZES, strict=True):
        rows, y = X[part.train], Y[part.train]
        unit = 1 / (rows**2).sum(axis=1).mean()
        svc = LinearSVC(C=2.0 * unit, tol=1e-7, max_iter=100_000, dual=False)
        assert point.per_class == size
        assert point.fixed == svc.fit(rows, y).score(X[SPLIT.test], Y[SPLIT.test])
        if size < 3:
            assert point.tuned is None
            continue
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        search = GridSearchCV(svc, {"C": [C * unit for C in GRID]}, cv=folds).fit(rows, y)
        scores = search.cv_results_["mean_test_score"]
        best = GRID[np.flatnonzero(scores > scores.max() - 1e-9)[0]]
        svc = svc.set_params(C=best * unit).fit(rows, y)
        assert point.tuned == svc.score(X[SPLIT.test], Y[SPLIT.test])


def test_with_all_training_rows_the_accuracy_is_known() -> None:
    (point,) = learning.curve(
        X @ X.T, Y, SPLIT, [15], seed=[0], relative_C=1.0, tuned=TUNED, whole=0.125
    )
    assert point.tuned == 0.125
    assert point.fixed != 0.125


def test_more_images_than_there_are_are_refused() -> None:
    with pytest.raises(StageError, match=r"learning_curve\.per_class to be at most 15, .* found 16"):
        learning.nested(SPLIT, Y, [2, 16], [0])
