import json
from typing import Any

import numpy as np
import pytest
import torch
from support.examples import PROBE, provenance, write_features

from stages import gram
from stages.kernels.gram import read
from stages.runtime import devices
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe


@pytest.mark.usefixtures("folder")
def test_the_kernel_is_that_of_the_features() -> None:
    X = np.random.default_rng(0).normal(size=(40, 9000)).astype(np.float16)
    write_features(PROBE, X, rows="some")
    gram.main(PROBE, paths=Paths())
    K, made = read(Paths().kernel(PROBE), PROBE)
    exact = X.astype(np.float64) @ X.astype(np.float64).T
    assert np.allclose(K, exact, rtol=1e-10, atol=1e-10)
    assert made == provenance(rows="some", shape=(9000,), storage="float16")
    assert made.feature_dim == 9000
    assert json.loads(Paths().timings("gram", PROBE).read_text())["kernel_seconds"] > 0


def test_a_kernel_that_does_not_fit_is_refused(small: dict[str, Any], study: Any) -> None:
    small["runtime"]["memory"] = 1e-5
    study(small)
    write_features(PROBE, np.zeros((40, 3), dtype=np.float16))
    with pytest.raises(StageError, match="at most 21 images.* found 40 images"):
        gram.main(PROBE, paths=Paths())


@pytest.mark.usefixtures("folder")
def test_features_of_another_layer_are_refused() -> None:
    write_features(PROBE, np.zeros((4, 3), dtype=np.float16), probe=Probe("a", "c"))
    with pytest.raises(StageError, match=r"features of a/b; found that of a/c.*single-item extract@a,"):
        gram.main(PROBE, paths=Paths())
    assert not Paths().kernel(PROBE).exists()


def test_a_driver_without_a_gpu_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "DRIVERS", ("libm.so.6",))
    monkeypatch.setattr("torch.accelerator.current_accelerator", lambda check_available: None)
    assert np.array_equal(gram.stream([np.ones((2, 3))], 2, "auto"), np.full((2, 2), 3.0))


def test_without_float64_the_kernel_is_computed_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devices, "choose", torch.device)
    X = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float16)
    K = gram.stream([X], 5, "mps")
    assert K.dtype == np.float64
    assert np.allclose(K, X.astype(np.float64) @ X.T.astype(np.float64))
    assert "mps has no float64: the Gram matrix is computed on the CPU" in capsys.readouterr().out
