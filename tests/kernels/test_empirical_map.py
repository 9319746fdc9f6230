import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from stages.kernels import empirical_map

N = 60
RANKS = {"narrow": 12, "wide": 40, "low rank": 7, "duplicate rows": 35}
Rows = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]


def data(kind: str) -> Rows:
    """Rows X (60, d), their classes, and the mask of the 40 that train."""
    rng = np.random.default_rng(len(kind))
    y = np.arange(N) % 3
    X = np.maximum(rng.normal(size=(N, RANKS[kind] if kind in ("narrow", "low rank") else 900)) + 1, 0)
    X[:, :5] += 0.5 * y[:, None]
    train = rng.permutation(N) < 40
    if kind == "low rank":
        X = X @ rng.normal(size=(X.shape[1], 200))
    if kind == "duplicate rows":
        rows = np.flatnonzero(train)
        X[rows[:5]] = X[rows[5:10]]
    return X, y, train


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("kind", RANKS)
def test_products_with_training_rows_are_those_of_the_features(kind: str, scale: float) -> None:
    X, _, train = data(kind)
    K = scale**2 * X @ X.T
    Z = empirical_map.matrix(K, train)
    assert Z.shape == (N, RANKS[kind])
    assert np.allclose(Z[train] @ Z[train].T, K[np.ix_(train, train)], rtol=0, atol=1e-12 * K.max())
    assert np.allclose(Z[~train] @ Z[train].T, K[np.ix_(~train, train)], rtol=0, atol=1e-12 * K.max())
    # What a test row has beyond the span of the training rows is left out, and nothing is put in.
    assert ((Z**2).sum(axis=1) <= np.diag(K) * (1 + 1e-9)).all()


@pytest.mark.parametrize("C", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("kind", RANKS)
def test_softmax_regression_is_the_same_as_on_the_features(kind: str, C: float) -> None:
    X, y, train = data(kind)
    Z = empirical_map.matrix(X @ X.T, train)
    models = [
        LogisticRegression(C=C, tol=1e-11, solver="newton-cg").fit(rows[train], y[train])
        for rows in (X, Z)
    ]
    expected, found = (m.predict_proba(rows) for m, rows in zip(models, (X, Z), strict=True))
    assert np.abs(found - expected).max() < 1e-6
    lengths = [np.linalg.norm(model.coef_) for model in models]
    assert lengths[1] == pytest.approx(lengths[0], rel=1e-6)


def test_test_rows_do_not_influence_other_rows() -> None:
    X, _, train = data("wide")
    K = X @ X.T
    Z = empirical_map.matrix(K, train)
    changed = K.copy()
    changed[~train] = np.random.default_rng(0).normal(size=(N - 40, N))
    changed[:, ~train] = np.nan
    assert np.array_equal(empirical_map.matrix(changed, train)[train], Z[train])
    order = np.arange(N)
    order[~train] = order[~train][::-1]
    assert np.allclose(empirical_map.matrix(K[np.ix_(order, order)], train), Z[order], rtol=0, atol=1e-9)


def test_features_that_are_all_zero_leave_the_bias() -> None:
    train = np.arange(6) < 4
    Z = empirical_map.matrix(np.zeros((6, 6)), train)
    assert np.array_equal(Z, np.zeros((6, 1)))
    model = LogisticRegression().fit(Z[train], [0, 1, 1, 1])
    assert model.predict(Z).tolist() == [1] * 6
