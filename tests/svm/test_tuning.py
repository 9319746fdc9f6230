import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from stages.runtime.errors import StageError
from stages.svm import liblinear, newton, tuning
from stages.svm.protocol import Curve

GRID = [0.06, 0.6, 6.0, 60.0]  # in units of 1 / (mean squared length of the rows)


def data(seed: int, classes: int = 3, d: int = 200) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Ninety rows of overlapping classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(90) % classes
    X = rng.normal(size=(90, d))
    X[:, :classes] += 1.5 * np.eye(classes)[y]
    return X, y


@pytest.mark.parametrize("seed", range(4))
def test_the_choice_is_scikit_learns_on_the_raw_features(seed: int) -> None:
    X, y = data(seed)
    found = tuning.cross_validate([X @ X.T], y, grid=GRID, folds=5, seed=seed)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    svc = LinearSVC(tol=1e-7, max_iter=100_000, dual=False)
    Cs = [value / (X**2).sum(axis=1).mean() for value in GRID]
    search = GridSearchCV(svc, {"C": Cs}, cv=folds).fit(X, y)
    theirs = search.cv_results_["mean_test_score"]
    assert found.mean == pytest.approx(theirs)
    assert found.std == pytest.approx(np.sqrt(5 / 4) * search.cv_results_["std_test_score"])
    # The smallest of those that are best; scikit-learn's own choice breaks ties by rounding.
    ties = [C for C, mean in zip(Cs, theirs, strict=True) if mean > theirs.max() - 1e-9]
    assert search.best_params_["C"] in ties
    assert pytest.approx(ties[0]) == found.C
    assert found.relative_C == GRID[Cs.index(ties[0])]


@pytest.mark.parametrize("size", [3.0, 255.0, 1e6])
def test_features_of_any_size_have_the_same_curve(size: float) -> None:
    """But for the bias, whose penalty is not scaled: it matters less for large features."""
    X, y = data(0)
    X *= 30
    known, found = (
        tuning.cross_validate([rows @ rows.T], y, grid=GRID, folds=5, seed=0) for rows in (X, size * X)
    )
    assert found.mean == pytest.approx(known.mean)
    assert found.relative_C == known.relative_C
    assert pytest.approx(known.C / size**2) == found.C


def test_features_of_zeros_have_a_curve() -> None:
    """Every image is then of the class that is first among the most frequent."""
    zeros = np.zeros((90, 90))
    found = tuning.cross_validate([zeros], data(0)[1], grid=GRID, folds=5, seed=0)
    assert (found.unit, found.mean) == (1.0, pytest.approx([1 / 3] * 4))


def test_the_grid_may_come_in_any_order() -> None:
    X, y = data(0)
    one, other = (
        tuning.cross_validate([X @ X.T], y, grid=grid, folds=3, seed=0) for grid in (GRID, GRID[::-1])
    )
    assert one == other
    assert one.relative == GRID


def test_another_seed_makes_other_folds() -> None:
    X, y = data(0)
    found = [tuning.cross_validate([X @ X.T], y, grid=GRID, folds=3, seed=seed) for seed in range(4)]
    assert len({tuple(curve.mean) for curve in found}) > 1


def test_a_fusion_is_scaled_by_the_rows_that_a_fold_trains_on() -> None:
    """As a scikit-learn pipeline does it, whose scaler is fitted anew in each fold."""
    X, y = data(0)
    layers = [X[:, :20], 30 * X[:, 20:] * np.linspace(1, 4, len(X))[:, None]]

    def joined(rows: NDArray[np.float64], lengths: list[float]) -> NDArray[np.float64]:
        parts = np.split(rows, [20], axis=1)
        return np.hstack([part / length for part, length in zip(parts, lengths, strict=True)])

    class Scaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, rows: NDArray[np.float64], y: object = None) -> "Scaler":
            parts = np.split(rows, [20], axis=1)
            self.lengths = [float(np.sqrt((part**2).sum(axis=1).mean())) for part in parts]
            return self

        def transform(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
            return joined(rows, self.lengths)

    found = tuning.cross_validate([part @ part.T for part in layers], y, grid=GRID, folds=5, seed=0)
    pipeline = make_pipeline(Scaler(), LinearSVC(tol=1e-7, max_iter=100_000, dual=False))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    # Two layers of mean squared length 1 have one of 2 together.
    search = GridSearchCV(pipeline, {"linearsvc__C": [value / 2 for value in GRID]}, cv=folds).fit(
        np.hstack(layers), y
    )
    assert found.mean == pytest.approx(search.cv_results_["mean_test_score"])


def test_the_reference_solver_finds_the_same_curve() -> None:
    X, y = data(1)
    exact, reference = (
        tuning.cross_validate([X @ X.T], y, grid=GRID, folds=3, seed=0, solve=solve)
        for solve in (newton.fit_path, liblinear.fit_path)
    )
    assert reference.mean == pytest.approx(exact.mean, abs=0.05)


@pytest.mark.parametrize(
    ("mean", "best", "at_edge"),
    [
        ([0.5, 0.7, 0.7], 0.1, False),
        ([0.7, 0.5, 0.7], 0.01, True),
        ([0.1, 0.2, 0.3], 1.0, True),
        ([0.1, 0.2, 0.21], 1.0, False),  # flat: less than a standard deviation of 0.02
        ([0.21, 0.2, 0.2], 0.01, False),
    ],
)
def test_ties_go_to_the_smaller_c(mean: list[float], best: float, at_edge: bool) -> None:
    curve = Curve([0.01, 0.1, 1.0], 0.5, mean, [0.02] * 3, 0.0)
    assert (curve.relative_C, curve.C, curve.at_edge) == (best, best / 2, at_edge)


def test_a_class_needs_an_image_for_each_fold() -> None:
    X, y = data(0)
    y = np.concatenate([np.zeros(87, dtype=np.int64), np.ones(3, dtype=np.int64)])
    with pytest.raises(StageError, match=r"at least 5 training images .* found 3 of one class"):
        tuning.cross_validate([X @ X.T], y, grid=GRID, folds=5, seed=0)
