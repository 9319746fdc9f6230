from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import normalize
from support.examples import PROBE, provenance

from stages.kernels import gram
from stages.runtime.errors import StageError
from stages.runtime.probe import Probe

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


def test_l2_normalisation_is_that_of_the_rows() -> None:
    X = RNG.normal(size=(20, 7))
    X[3] = 0  # a row without any feature stays so
    scaled = normalize(X)
    assert np.allclose(gram.l2_normalise(X @ X.T), scaled @ scaled.T, atol=1e-14)


def test_a_kernel_is_read_as_it_was_written(tmp_path: Path) -> None:
    K = RNG.normal(size=(5, 5))
    made = provenance(shape=(3, 2, 2), storage="float32")
    gram.write(tmp_path / "k.h5", K, made)
    again, read = gram.read(tmp_path / "k.h5", PROBE)
    assert np.array_equal(K, again)
    assert read == made


def test_a_kernel_of_another_layer_is_refused(tmp_path: Path) -> None:
    gram.write(tmp_path / "k.h5", np.eye(2), provenance())
    with pytest.raises(
        StageError, match=r"a kernel of a/c; found that of a/b.* dvc repro --force .*gram@a/c"
    ):
        gram.read(tmp_path / "k.h5", Probe("a", "c"))


def test_a_length_of_zero_has_a_reciprocal_of_zero() -> None:
    assert gram.reciprocal(np.array([2.0, 0.0, 0.5])).tolist() == [0.5, 0.0, 2.0]


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="kernel to be finite.* extract@a"):
        gram.write(tmp_path / "k.h5", np.full((2, 2), np.nan), provenance())
    assert not (tmp_path / "k.h5").exists()
