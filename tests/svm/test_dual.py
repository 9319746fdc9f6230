from pathlib import Path

import numpy as np

from stages.svm import dual
from stages.svm.dual import KernelSVM


def test_written_and_read(tmp_path: Path) -> None:
    machine = KernelSVM(np.arange(6.0).reshape(3, 2), np.array([0.5, -1.0]), True)
    about = {"rows": "abc", "C": 0.1}
    for name in ("a.h5", "b.h5"):
        dual.write(tmp_path / name, machine, about)
    again, attributes = dual.read(tmp_path / "a.h5")
    assert np.array_equal(again.alpha, machine.alpha)
    assert np.array_equal(again.bias, machine.bias)
    assert again.converged is True
    assert attributes == about
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
