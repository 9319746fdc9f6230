import numpy as np
import pytest
import torch

from stages.kernels import gram, gram_accelerator
from stages.runtime.errors import StageError

CPU = torch.device("cpu")  # the same code; tests/system/test_gpu.py runs it on a GPU


def test_the_kernel_is_that_of_the_cpu() -> None:
    X = np.random.default_rng(0).normal(size=(50, 9000)).astype(np.float16)
    blocks = [X[:, :4096], X[:, 4096:]]
    K = gram_accelerator.stream(blocks, 50, CPU)
    assert np.allclose(K, gram.stream(blocks, 50), rtol=1e-12, atol=1e-9)
    assert np.array_equal(K, K.T)
    assert K.dtype == np.float64


def test_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch, "zeros", full)
    with pytest.raises(StageError, match="kernel of 5 images .* set runtime.device: cpu"):
        gram_accelerator.stream([], 5, CPU)
