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
    found = pca.components(X @ X.T, train)
    Z, ratio, r = found.scores, found.ratio, RANKS[kind]
    assert Z.shape == (N, r)
    expected = theirs.transform(X)[:, :r]
    signs = np.sign((Z * expected).sum(axis=0))
    assert np.allclose(Z * signs, expected, rtol=0, atol=1e-7 * np.abs(expected).max())
    assert np.allclose(ratio, theirs.explained_variance_ratio_[:r], rtol=1e-6, atol=0)
    assert theirs.explained_variance_ratio_[r:].sum() < 1e-12
    assert np.allclose(Z[train].var(axis=0, ddof=1), theirs.explained_variance_[:r], rtol=1e-6)


def test_components_go_from_the_largest_to_the_smallest() -> None:
    X, train = data("wide")
    found = pca.components(X @ X.T, train)
    Z, ratio = found.scores, found.ratio
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
    before = pca.components(K, train)
    first, second = np.flatnonzero(~train)[:2]
    changed = K.copy()
    changed[first] = changed[:, first] = 1e6 * np.random.default_rng(0).normal(size=N)
    changed[second] = changed[:, second] = np.nan
    after = pca.components(changed, train)
    others = np.delete(np.arange(N), [first, second])
    assert np.array_equal(after.scores[others], before.scores[others])
    assert np.array_equal(after.project(5)[others], before.project(5)[others])
    assert np.array_equal(after.ratio, before.ratio)
    assert not np.allclose(after.scores[first], before.scores[first])


@pytest.mark.parametrize("value", [0.0, 0.1, 1e3])
def test_training_rows_that_are_alike_have_one_component_of_zeros(value: float) -> None:
    X, train = data("narrow")
    X[train] = value * np.arange(X.shape[1])
    found = pca.components(X @ X.T, train)
    assert np.array_equal(found.scores, np.zeros((N, 1)))
    assert np.array_equal(found.ratio, [0.0])
    # What is left is the mean.
    mean = X[train].mean(axis=0)
    length = np.linalg.norm(mean)
    expected = X @ mean / length if length else np.zeros(N)
    assert np.allclose(found.project(1), np.column_stack([np.zeros(N), expected]))


@pytest.mark.parametrize("kind", RANKS)
@pytest.mark.parametrize("p", [1, 5, None])
def test_the_projection_keeps_the_components_and_the_mean(kind: str, p: int | None) -> None:
    """Its inner products are those of the features projected by scikit-learn's components."""
    X, train = data(kind)
    p = p or RANKS[kind]
    theirs = PCA(p, svd_solver="full").fit(X[train])
    mean = X[train].mean(axis=0)
    Q = np.linalg.qr(np.column_stack([theirs.components_.T, mean]))[0]
    projected = pca.components(X @ X.T, train).project(p)
    assert projected.shape == (N, p + 1)
    expected = X @ Q @ Q.T @ X.T
    assert np.allclose(projected @ projected.T, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("kind", RANKS)
def test_all_components_and_the_mean_are_the_layer_itself(kind: str) -> None:
    X, train = data(kind)
    K = X @ X.T
    found = pca.components(K, train)
    projected = found.project(len(found.ratio))
    cross = projected @ projected[train].T
    assert np.allclose(cross, K[:, train], rtol=0, atol=1e-9 * np.abs(K).max())
