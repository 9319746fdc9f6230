from pathlib import Path

import numpy as np

from stages import kernel
from stages.core import gram
from stages.core.features import Writer


def test_kernel_is_that_of_the_features(folder: Path) -> None:
    X = np.random.default_rng(0).normal(size=(40, 9000)).astype(np.float16)
    about = {"backbone": "a", "layer": "b", "rows": "r", "shape": (9000,)}
    with Writer(folder / "f.h5", n=40, d=9000, dtype="float16", attributes=about) as writer:
        writer.append(X)
    kernel.main("a/b", features=folder / "f.h5", kernel=folder / "k.h5", timings=folder / "t.json")
    K, attributes = gram.read(folder / "k.h5")
    exact = X.astype(np.float64) @ X.astype(np.float64).T
    assert np.allclose(K, exact, rtol=1e-10, atol=1e-10)
    assert (attributes["rows"], attributes["feature_dim"]) == ("r", 9000)
