import numpy as np
import pytest
from numpy.typing import NDArray

from stages.kernels import similarity

Rows = NDArray[np.float64]
RNG = np.random.default_rng(0)
N = 60
X = RNG.normal(size=(N, 20)) + 3.0  # not centred
LAYERS = [X, np.maximum(X[:, :7] @ RNG.normal(size=(7, 200)), 0), RNG.normal(size=(N, 11))]


def cka(layers: list[Rows], block: int = 13) -> tuple[Rows, Rows]:
    """By block of rows, as the stage does."""
    kernels = np.stack([layer @ layer.T for layer in layers])
    n = kernels.shape[1]
    parts = (kernels[:, row : row + block] for row in range(0, n, block))
    return similarity.cka(parts, len(layers), n)


def plain(one: Rows, other: Rows) -> float:
    """Kornblith et al. 2019, section 3: from the centred features."""
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    cross, own, others = (a.T @ b for a, b in ((other, one), (one, one), (other, other)))
    norm = np.linalg.norm
    return float(norm(cross) ** 2 / (norm(own) * norm(others)))


def hsic(one: Rows, other: Rows) -> float:
    """Song et al. 2012, equation 5, matrix by matrix."""
    K, L = one @ one.T, other @ other.T
    np.fill_diagonal(K, 0)
    np.fill_diagonal(L, 0)
    n, ones = len(K), np.ones(len(K))
    middle = (ones @ K @ ones) * (ones @ L @ ones) / ((n - 1) * (n - 2))
    return float((np.trace(K @ L) + middle - 2 / (n - 2) * ones @ K @ L @ ones) / (n * (n - 3)))


def test_both_are_those_of_the_features() -> None:
    biased, unbiased = cka(LAYERS)
    for i, one in enumerate(LAYERS):
        for j, other in enumerate(LAYERS):
            expected = hsic(one, other) / np.sqrt(hsic(one, one) * hsic(other, other))
            assert biased[i, j] == pytest.approx(plain(one, other), abs=1e-10)
            assert unbiased[i, j] == pytest.approx(expected, abs=1e-10)


def test_rotations_scales_and_shifts_do_not_matter() -> None:
    rotation, _ = np.linalg.qr(RNG.normal(size=(20, 20)))
    for found in cka([X, 1e3 * X @ rotation + 7.0]):
        assert found == pytest.approx(np.ones((2, 2)))


def test_the_plain_estimate_takes_wide_noise_for_alike() -> None:
    """Independent layers, wider than the images are many."""
    biased, unbiased = cka([RNG.normal(size=(N, 600)), RNG.normal(size=(N, 600))])
    assert biased[0, 1] > 0.8
    assert abs(unbiased[0, 1]) < 0.1


def test_a_layer_of_constants_is_like_nothing() -> None:
    for found in cka([X, np.full((N, 3), 0.1)]):
        assert found[0, 0] == pytest.approx(1)
        assert np.isnan(found[[0, 1, 1], [1, 0, 1]]).all()
