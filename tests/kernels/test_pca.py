import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from stages.kernels import pca

N, N_TRAIN = 60, 40
# The rank of the centred training rows: a dimension less than they have rows, where they are fewer.
RANKS = {"narrow": 12, "wide": 39, "low rank": 7, "duplicate rows": 34, "far away": 39}
Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]


def data(kind: str) -> Rows:
    """Rows X (60, d), and the mask of the 40 that train."""
    rng = np.random.default_rng(len(kind))
    X = np.maximum(rng.normal(size=(N, RANKS[kind] if kind in ("narrow", "low rank") else 900)) + 1, 0)
    train = rng.permutation(N) < N_TRAIN
    if kind == "low rank":
        X = X @ rng.normal(size=(X.shape[1], 200))
    if kind == "duplicate rows":
        rows = np.flatnonzero(train)
        X[rows[:5]] = X[rows[5:10]]
    if kind == "far away":  # the mean is all but a ten-thousandth of their squared length
        X += 100
    return X, train


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("kind", RANKS)
def test_scores_are_scikit_learns_pca_of_the_features(kind: str, scale: float) -> None:
    X, train = data(kind)
    X *= scale
    theirs = PCA(svd_solver="full").fit(X[train])
    Z, ratio = pca.scores(X @ X.T, train)
    r = RANKS[kind]
    assert Z.shape == (N, r)
    expected = theirs.transform(X)[:, :r]
    signs = np.sign((Z * expected).sum(axis=0))
    assert np.allclose(Z * signs, expected, rtol=0, atol=1e-7 * np.abs(expected).max())
    assert np.allclose(ratio, theirs.explained_variance_ratio_[:r], rtol=1e-6, atol=0)
    assert theirs.explained_variance_ratio_[r:].sum() < 1e-12
    assert np.allclose(Z[train].var(axis=0, ddof=1), theirs.explained_variance_[:r], rtol=1e-6)


def test_components_go_from_the_largest_to_the_smallest() -> None:
    X, train = data("wide")
    Z, ratio = pca.scores(X @ X.T, train)
    assert (np.diff(ratio) <= 0).all()
    assert ratio.sum() == pytest.approx(1)
    assert np.allclose(Z[train].mean(axis=0), 0, atol=1e-9)


def test_the_centred_kernel_is_that_of_centred_features() -> None:
    X, train = data("narrow")
    centred = X - X[train].mean(axis=0)
    assert np.allclose(pca.centre(X @ X.T, train), centred @ centred.T, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["narrow", "wide"])
def test_test_rows_do_not_influence_the_components(kind: str) -> None:
    """One test row is changed, another one removed: all other rows keep their scores to the last bit."""
    X, train = data(kind)
    K = X @ X.T
    Z, ratio = pca.scores(K, train)
    first, second = np.flatnonzero(~train)[:2]
    changed = K.copy()
    changed[first] = changed[:, first] = 1e6 * np.random.default_rng(0).normal(size=N)
    changed[second] = changed[:, second] = np.nan
    Z_changed, ratio_changed = pca.scores(changed, train)
    others = np.delete(np.arange(N), [first, second])
    assert np.array_equal(Z_changed[others], Z[others])
    assert np.array_equal(ratio_changed, ratio)
    assert not np.allclose(Z_changed[first], Z[first])


@pytest.mark.parametrize("value", [0.0, 0.1, 1e3])
def test_training_rows_that_are_alike_have_one_component_of_zeros(value: float) -> None:
    X, train = data("narrow")
    X[train] = value * np.arange(X.shape[1])
    Z, ratio = pca.scores(X @ X.T, train)
    assert np.array_equal(Z, np.zeros((N, 1)))
    assert np.array_equal(ratio, [0.0])
