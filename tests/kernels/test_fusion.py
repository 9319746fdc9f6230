import numpy as np
import pytest
from sklearn.svm import LinearSVC

from stages.kernels import fusion
from stages.svm import newton

RNG = np.random.default_rng(0)
Y = np.arange(60) % 3
TRAIN = np.arange(60) < 40
LAYERS = [
    np.maximum(scale * (RNG.normal(size=(60, d)) + 0.5 * np.eye(3, d)[Y]), 0)
    for scale, d in ((1.0, 30), (100.0, 200), (0.01, 7))
]


def test_a_fusion_is_training_on_the_features_side_by_side() -> None:
    """Each layer divided by the root mean square length of its training rows, then concatenated."""
    side_by_side = np.hstack([X / np.sqrt((X[TRAIN] ** 2).sum(axis=1).mean()) for X in LAYERS])
    K = fusion.columns([X @ X.T for X in LAYERS], TRAIN)
    assert np.allclose(K, side_by_side @ side_by_side[TRAIN].T)
    theirs = LinearSVC(C=0.5, tol=1e-8, max_iter=100_000, dual=False).fit(side_by_side[TRAIN], Y[TRAIN])
    ours = newton.fit(K[TRAIN], Y[TRAIN], C=0.5)
    expected = theirs.decision_function(side_by_side)
    assert np.abs(ours.decide(K) - expected).max() < 1e-4


def test_test_rows_do_not_influence_the_scale() -> None:
    changed = [X.copy() for X in LAYERS]
    for X in changed:
        X[~TRAIN] *= RNG.uniform(1, 100, size=(20, 1))
    one, other = (fusion.columns([X @ X.T for X in some], TRAIN) for some in (LAYERS, changed))
    assert other[TRAIN] == pytest.approx(one[TRAIN])


def test_a_single_layer_stays_as_it_is_and_zeros_add_nothing() -> None:
    K = LAYERS[0] @ LAYERS[0].T
    assert np.array_equal(fusion.columns([K], TRAIN), K[:, TRAIN])
    with_zeros = fusion.columns([K, np.zeros_like(K)], np.flatnonzero(TRAIN))
    assert with_zeros == pytest.approx(K[:, TRAIN] / np.diag(K)[TRAIN].mean())
