import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from stages.svm import liblinear, newton
from stages.svm.dual import KernelSVM


def data(classes: int, d: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(d)
    y = np.arange(80) % classes
    return rng.normal(size=(80, d)) + np.eye(classes, d)[y], y


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("d", [10, 300])
def test_decision_values_are_scikit_learns_on_the_raw_features(classes: int, d: int) -> None:
    X, y = data(classes, d)
    Cs = [0.001, 0.1]
    for C, svm in zip(Cs, liblinear.fit_path(X @ X.T, y, Cs), strict=True):
        theirs = LinearSVC(C=C, dual=False).fit(X, y)
        expected = theirs.decision_function(X)
        found = svm.decide(X @ X.T)
        assert svm.converged
        assert found.shape == (80, classes)
        found = found[:, 1] if classes == 2 else found
        assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def test_decision_values_are_near_the_exact_solvers() -> None:
    X, y = data(3, 40)
    K = X @ X.T
    (theirs,), exact = liblinear.fit_path(K, y, [0.01]), newton.fit(K, y, C=0.01)
    assert np.abs(theirs.decide(K) - exact.decide(K)).max() < 0.01
    assert theirs.alpha.shape == exact.alpha.shape


def test_the_duality_gap_bounds_the_distance_from_the_minimum() -> None:
    """J at both solutions, w = X^T alpha; the exact solver's gap is rounding."""
    X, y = data(3, 40)
    K, C = X @ X.T, 1.0
    (theirs,), exact = liblinear.fit_path(K, y, [C]), newton.fit(K, y, C=C)
    signs = np.where(y[:, None] == np.arange(3), 1.0, -1.0)

    def objectives(svm: KernelSVM) -> NDArray[np.float64]:
        hinge = np.maximum(0, 1 - signs * svm.decide(K))
        squares = (svm.alpha * (K @ svm.alpha)).sum(axis=0) + svm.bias**2
        total: NDArray[np.float64] = squares / 2 + C * (hinge**2).sum(axis=0)
        return total

    excess = (objectives(theirs) / objectives(exact) - 1).max()
    assert 0 < excess <= theirs.gap < 0.01
    assert exact.gap < 1e-12


def test_a_fit_that_is_cut_short_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = data(3, 40)
    monkeypatch.setattr(liblinear, "MAX_STEPS", 1)
    assert not liblinear.fit_path(X @ X.T, y, [100.0])[0].converged
