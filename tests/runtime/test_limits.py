from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from stages.runtime import limits
from stages.runtime.errors import StageError


def test_a_kernel_that_does_not_fit_is_refused_with_the_most_that_does() -> None:
    most = 18_918  # the root of 8 GiB / 24 bytes is 18,918.6
    limits.refuse_kernel(most, 8)
    with pytest.raises(StageError, match=rf"at most {most} images.* found {most + 1} images.* 8.0 GiB"):
        limits.refuse_kernel(most + 1, 8)


def test_space_that_is_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits.require_space(tmp_path, 1e6, "extract@vgg16")
    assert "extract@vgg16 will take about 0.00 GB" in capsys.readouterr().out


def test_space_that_is_lacking_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match=r"about 1000000.00 GB of free disk .*dvc gc"):
        limits.require_space(tmp_path, 1e15, "extract@vgg16")


def blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_blas_computes_on_one_core_in_the_block_only() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))  # BLAS is loaded
    before = blas_threads()
    with limits.one_blas_thread():
        assert set(blas_threads()) == {1}
    assert blas_threads() == before
