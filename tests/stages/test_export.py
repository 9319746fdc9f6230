from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.preprocessing import normalize
from support import examples

from stages import export
from stages.dataset import index, pixels, splits
from stages.features.store import CHUNK_COLUMNS, Features
from stages.kernels import gram
from stages.runtime.errors import StageError
from stages.svm import dual, newton, primal

N, D = 36, 2 * CHUNK_COLUMNS + 100  # three blocks
ABOUT = {
    "backbone": "a", "layer": "b", "model": "m", "weights": "w", "module": "x", "precision": "bfloat16",
    "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7],
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """What the stage reads: the index, features X (n, d), and what the kernel decides (n, k)."""

    images: index.Index
    X: NDArray[np.float16]
    decided: NDArray[np.float64]


def made(folder: Path, norm: str = "none") -> Made:
    """Write features, kernel, machine, index and pixels to `folder`."""
    rng = np.random.default_rng(0)
    keys = [(label, f"{i:02}.png") for label in "cde" for i in range(N // 3)]
    train = np.tile(np.arange(N // 3) < 7, 3)
    images = index.Index(keys, rng.permutation(train.reshape(3, -1), axis=1).ravel())
    X = np.maximum(rng.normal(size=(N, D)) + 0.3 * rng.normal(size=(3, D))[images.y], 0)
    X = (X * rng.uniform(0.5, 2, size=(N, 1))).astype(np.float16)
    X[-1] = 0
    exact, digest = X.astype(np.float64), index.digest(keys)
    rows = normalize(exact) if norm == "l2" else exact
    K, on = rows @ rows.T, images.train
    machine = newton.fit(K[np.ix_(on, on)], images.y[on], C=0.01)
    write_features(folder, X, digest)
    gram.write(folder / "k.h5", exact @ exact.T, {"backbone": "a", "layer": "b", "rows": digest})
    about = {"rows": digest, "split": splits.digest(on), "normalize": norm, "C": 0.01}
    dual.write(folder / "m.h5", machine, about)
    index.write(folder / "index.csv", images)
    write_pixels(folder)
    return Made(images, X, machine.decide(K[:, on]))


def write_features(folder: Path, X: NDArray[Any], digest: str) -> None:
    examples.write_features(folder / "f.h5", X, **{**ABOUT, "rows": digest})


def write_pixels(folder: Path) -> None:
    (folder / "c").mkdir(exist_ok=True)
    Image.new("L", (9, 9)).save(folder / "c" / "00.png")
    pixels.write(folder / "images.h5", folder, [("c", "00.png")], 5)


def run(folder: Path, name: str = "model") -> primal.LinearSVM:
    export.main(
        "a/b",
        features=folder / "f.h5",
        kernel=folder / "k.h5",
        machine=folder / "m.h5",
        rows=folder / "index.csv",
        pixels=folder / "images.h5",
        model=folder / f"{name}.h5",
    )
    return primal.read(folder / f"{name}.h5")


@pytest.mark.parametrize("norm", ["none", "l2"])
def test_the_model_decides_as_the_machine_does(norm: str, folder: Path) -> None:
    """params.yaml says none: what counts is how the machine was trained."""
    given = made(folder, norm)
    assert Features(folder / "f.h5").block_count == 3
    found = run(folder)
    assert found.weights.shape == (D, 3)
    assert np.allclose(found.decide(given.X), given.decided, rtol=1e-9, atol=1e-9)
    test = ~given.images.train
    said = found.decide(given.X).argmax(axis=1)
    assert np.array_equal(said, given.decided.argmax(axis=1))
    assert (said == given.images.y)[test].mean() > 0.5
    # A row by itself is decided as among others: what `predict` does.
    assert np.allclose(found.decide(given.X[test][:1]), given.decided[test][:1], rtol=1e-9)


def test_the_model_says_what_it_is_of(folder: Path) -> None:
    given = made(folder, "l2")
    found = run(folder)
    assert found.classes == given.images.classes == ["c", "d", "e"]
    assert (found.normalize, found.C, found.storage) == ("l2", 0.01, "float16")
    assert (found.backbone, found.layer, found.model) == ("a", "b", "m")
    assert (found.trained_weights, found.module) == ("w", "x")
    assert (found.image_size, found.channels) == (5, 1)


def test_twice_the_same_bytes(folder: Path) -> None:
    made(folder)
    for name in ("1", "2"):
        run(folder, name)
    assert (folder / "1.h5").read_bytes() == (folder / "2.h5").read_bytes()


@pytest.mark.parametrize("side", ["train", "test"])
def test_damaged_features_are_refused(side: str, folder: Path) -> None:
    given = made(folder)
    row = np.flatnonzero(given.images.train == (side == "train"))[0]
    given.X[row, :100] = 0
    write_features(folder, given.X, index.digest(given.images.keys))
    with pytest.raises(StageError, match=r"of a/b .* all 36 .* other decision values for .*single-item"):
        run(folder)
    given.X[row, 0] = np.nan
    write_features(folder, given.X, index.digest(given.images.keys))
    with pytest.raises(StageError, match="other decision values"):
        run(folder)
    assert not (folder / "model.h5").exists()


def test_other_features_are_refused_and_other_classes_counted(folder: Path) -> None:
    given = made(folder)
    write_features(folder, np.roll(given.X, N // 3, axis=0), index.digest(given.images.keys))
    with pytest.raises(StageError, match=r"another class for [1-9]"):
        run(folder)


@pytest.mark.parametrize(
    ("file", "stage"), [("f.h5", "extract@a"), ("k.h5", "gram@a/b"), ("m.h5", "train@a/b")]
)
def test_files_of_other_rows_are_refused(file: str, stage: str, folder: Path) -> None:
    made(folder)
    with h5py.File(folder / file, "r+") as opened:
        place = opened if file == "m.h5" else next(iter(opened.values()))
        place.attrs["rows"] = "others"
    with pytest.raises(StageError, match=rf"found that of other rows \(others\).* dvc repro {stage}\.$"):
        run(folder)


def test_a_machine_of_another_split_is_refused(folder: Path) -> None:
    given = made(folder)
    train = np.roll(given.images.train, 1)
    index.write(folder / "index.csv", index.Index(given.images.keys, train))
    with pytest.raises(StageError, match=r"found that of other training rows .* dvc repro train@a/b\.$"):
        run(folder)
