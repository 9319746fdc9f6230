from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import write_features

from stages import gram
from stages.kernels.gram import read
from stages.runtime import devices
from stages.runtime.errors import StageError


def test_kernel_is_that_of_the_features(folder: Path) -> None:
    X = np.random.default_rng(0).normal(size=(40, 9000)).astype(np.float16)
    write_features(folder / "f.h5", X, rows="r")
    gram.main("a/b", features=folder / "f.h5", kernel=folder / "k.h5", timings=folder / "t.json")
    K, attributes = read(folder / "k.h5")
    exact = X.astype(np.float64) @ X.astype(np.float64).T
    assert np.allclose(K, exact, rtol=1e-10, atol=1e-10)
    assert [attributes[key] for key in ("rows", "feature_dim", "storage")] == ["r", 9000, "float16"]


def test_a_kernel_that_does_not_fit_is_refused(folder: Path, small: dict[str, Any], study: Any) -> None:
    write_features(folder / "f.h5", np.zeros((40, 3), dtype=np.float16))
    small["runtime"]["memory"] = 1e-5
    study(small)
    with pytest.raises(StageError, match="at most 21 images.* found 40 images"):
        gram.main("a/b", features=folder / "f.h5", kernel=folder / "k.h5", timings=folder / "t.json")


def test_a_driver_without_a_gpu_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "DRIVERS", ("libm.so.6",))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert np.array_equal(gram.stream([np.ones((2, 3))], 2, "auto"), np.full((2, 2), 3.0))
