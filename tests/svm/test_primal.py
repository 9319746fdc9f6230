from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import normalize
from support.examples import provenance

from stages.runtime.errors import StageError
from stages.runtime.probe import Probe
from stages.svm import primal
from stages.svm.dual import KernelSVM
from stages.svm.primal import LinearSVM

PROBE = Probe("squeeze", "pool1")
RNG = np.random.default_rng(0)
SVM = LinearSVM(
    weights=RNG.normal(size=(7, 3)),
    bias=RNG.normal(size=3),
    classes=["coast", "forêt", "street"],
    normalize="none",
    C=0.1,
    relative_C=10.0,
    channels=1,
    provenance=provenance(probe=PROBE, shape=(7,)),
)


def test_decision_values_are_those_of_the_weights() -> None:
    X = RNG.normal(size=(5, 7)).astype(np.float16)
    expected = np.array([[row @ w + b for w, b in zip(SVM.weights.T, SVM.bias, strict=True)]
                         for row in X.astype(np.float64)])  # fmt: skip
    assert np.allclose(SVM.decide(X), expected, rtol=1e-12)


def test_rows_are_scaled_to_unit_length_except_rows_of_zeros() -> None:
    X = RNG.normal(size=(5, 7)).astype(np.float16)
    X[2] = 0
    unit = normalize(X.astype(np.float64))
    assert np.allclose(replace(SVM, normalize="l2").decide(X), SVM.decide(unit), rtol=1e-12)
    assert np.array_equal(SVM.decide(X)[2], SVM.bias)


def test_an_svm_is_read_as_it_was_written(tmp_path: Path) -> None:
    for name in ("1.h5", "2.h5"):
        primal.write(tmp_path / name, SVM)
    again = vars(primal.read(tmp_path / "1.h5", PROBE))
    for name, value in vars(SVM).items():
        assert np.array_equal(again[name], value)
        assert type(again[name]) is type(value)
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


def test_a_missing_or_damaged_file_names_the_stage_to_run(tmp_path: Path) -> None:
    path = tmp_path / "squeeze" / "pool1.h5"
    advice = r"dvc repro export@squeeze/pool1\.$"
    with pytest.raises(StageError, match=rf"found no such file.*{advice}"):
        primal.read(path, PROBE)
    primal.write(path, SVM)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StageError, match=rf"weights of squeeze/pool1 at .*{advice}"):
        primal.read(path, PROBE)


def test_the_weights_are_the_training_rows_times_alpha() -> None:
    """The rows are the scaled ones; blocks of columns may have any width."""
    X, train = RNG.normal(size=(9, 7)).astype(np.float16), np.arange(9) % 3 > 0
    scale = RNG.uniform(0.5, 2, size=9)
    svm = KernelSVM(RNG.normal(size=(6, 3)), RNG.normal(size=3), True, 1e-15)
    weights, decisions = primal.to_primal([X[:, :3], X[:, 3:]], svm, train, scale)
    rows = X.astype(np.float64) * scale[:, None]
    assert np.allclose(weights, rows[train].T @ svm.alpha, rtol=1e-12)
    assert np.allclose(decisions, svm.decide(rows @ rows[train].T), rtol=1e-12)
