from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import normalize

from stages.kernels import gram
from stages.runtime.errors import StageError

RNG = np.random.default_rng(0)


def blocks(X: NDArray[np.float32], width: int) -> list[NDArray[np.float64]]:
    return [X[:, i : i + width].astype(np.float64, order="C") for i in range(0, X.shape[1], width)]


@pytest.mark.parametrize("d", [3, 4096, 50_000])
@pytest.mark.parametrize("kind", ["signed", "after a ReLU", "large"])
def test_the_streamed_kernel_is_the_plain_product(kind: str, d: int) -> None:
    X = RNG.normal(size=(60, d)).astype(np.float32)
    if kind != "signed":
        X = np.maximum(X, 0) * (1000 if kind == "large" else 1)
    K = gram.stream(blocks(X, 4096), len(X))
    exact = X.astype(np.float64) @ X.T.astype(np.float64)
    assert np.allclose(K, exact, rtol=1e-10, atol=1e-12 * exact.max())
    assert np.array_equal(K, K.T)


def test_l2_normalisation_from_the_diagonal() -> None:
    X = RNG.normal(size=(20, 7))
    X[3] = 0  # a row without any feature stays so
    scaled = normalize(X)
    assert np.allclose(gram.l2_normalise(X @ X.T), scaled @ scaled.T, atol=1e-14)


def test_written_and_read(tmp_path: Path) -> None:
    K = RNG.normal(size=(5, 5))
    gram.write(tmp_path / "k.h5", K, {"feature_dim": 7, "rows": "abc"})
    again, about = gram.read(tmp_path / "k.h5")
    assert np.array_equal(K, again)
    assert about == {"feature_dim": 7, "rows": "abc"}
    assert type(about["feature_dim"]) is int


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="kernel to be finite"):
        gram.write(tmp_path / "k.h5", np.full((2, 2), np.nan), {})
    assert not (tmp_path / "k.h5").exists()
