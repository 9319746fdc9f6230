from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.preprocessing import normalize

from stages.runtime.errors import StageError
from stages.svm import primal
from stages.svm.primal import LinearSVM

RNG = np.random.default_rng(0)
MODEL = LinearSVM(
    weights=RNG.normal(size=(7, 3)),
    bias=RNG.normal(size=3),
    classes=["coast", "forêt", "street"],
    normalize="none",
    C=0.1,
    backbone="squeeze",
    layer="pool1",
    model="torchvision/squeezenet1_1",
    trained_weights="random",
    module="features.2",
    precision="float32",
    storage="float16",
    mean=[0.1, 0.2, 0.3],
    std=[0.5, 0.6, 0.7],
    image_size=64,
    channels=1,
)


def test_it_decides_by_its_weights() -> None:
    X = RNG.normal(size=(5, 7)).astype(np.float16)
    expected = np.array([[row @ w + b for w, b in zip(MODEL.weights.T, MODEL.bias, strict=True)]
                         for row in X.astype(np.float64)])  # fmt: skip
    assert np.allclose(MODEL.decide(X), expected, rtol=1e-12)


def test_it_scales_rows_to_unit_length_but_for_those_of_zeros() -> None:
    X = RNG.normal(size=(5, 7)).astype(np.float16)
    X[2] = 0
    unit = normalize(X.astype(np.float64))
    assert np.allclose(replace(MODEL, normalize="l2").decide(X), MODEL.decide(unit), rtol=1e-12)
    assert np.array_equal(MODEL.decide(X)[2], MODEL.bias)


def test_it_is_written_and_read(tmp_path: Path) -> None:
    for name in ("1.h5", "2.h5"):
        primal.write(tmp_path / name, MODEL)
    again = vars(primal.read(tmp_path / "1.h5"))
    for name, value in vars(MODEL).items():
        assert np.array_equal(again[name], value)
        assert type(again[name]) is type(value)
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "squeeze" / "pool1.h5"
    advice = r"dvc repro export@squeeze/pool1\.$"
    with pytest.raises(StageError, match=rf"found no such file.*{advice}"):
        primal.read(path)
    primal.write(path, MODEL)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StageError, match=rf"trained model at .*{advice}"):
        primal.read(path)
