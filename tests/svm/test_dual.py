from pathlib import Path

import numpy as np
import pytest
from support.examples import PROBE

from stages.runtime.errors import StageError
from stages.svm import dual
from stages.svm.dual import KernelSVM


def test_an_svm_is_read_as_it_was_written(tmp_path: Path) -> None:
    svm = KernelSVM(np.arange(6.0).reshape(3, 2), np.array([0.5, -1.0]), True, 1e-15)
    about = {"rows": "abc", "C": 0.1}
    for name in ("a.h5", "b.h5"):
        dual.write(tmp_path / name, svm, about)
    again, attributes = dual.read(tmp_path / "a.h5", PROBE)
    assert np.array_equal(again.alpha, svm.alpha)
    assert np.array_equal(again.bias, svm.bias)
    assert again.converged is True
    assert attributes == about
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_decision_values_by_hand() -> None:
    svm = KernelSVM(np.array([[1.0, 0.0], [0.5, -1.0]]), np.array([0.5, -1.0]), True, 1e-15)
    assert svm.decide(np.array([[2.0, 4.0], [0.0, 1.0]])).tolist() == [[4.5, -5.0], [1.0, -2.0]]


def test_a_missing_file_names_the_stage_to_run(tmp_path: Path) -> None:
    with pytest.raises(
        StageError, match=r"the SVM of a/b at .*; found no such file.* dvc repro tune@a/b\.$"
    ):
        dual.read(tmp_path / "a.h5", PROBE)
