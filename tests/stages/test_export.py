from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.preprocessing import normalize
from support.examples import PROBE, provenance, write_features

from stages import export
from stages.dataset import index, pixels, splits
from stages.features.store import CHUNK_COLUMNS, Features
from stages.kernels import gram
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.view import View
from stages.svm import dual, newton, primal

N, D = 36, 2 * CHUNK_COLUMNS + 100  # three blocks

pytestmark = pytest.mark.usefixtures("folder")


@dataclass(frozen=True)
class Made:
    """What the stage reads: the index, features X (n, d), and the kernel's decision values (n, k)."""

    images: index.Index
    X: NDArray[np.float16]
    decisions: NDArray[np.float64]

    @property
    def changes(self) -> dict[str, Any]:
        """How the provenance of the features differs from the made-up one."""
        return {"precision": "bfloat16", "shape": (D,), "rows": index.digest(self.images.keys)}


def make(norm: str = "none") -> Made:
    """Write features, kernel, SVM, index and pixels."""
    rng = np.random.default_rng(0)
    keys = [(label, f"{i:02}.png") for label in "cde" for i in range(N // 3)]
    train = np.tile(np.arange(N // 3) < 7, 3)
    images = index.Index(
        keys, index.Split.complete(rng.permutation(train.reshape(3, -1), axis=1).ravel())
    )
    X = np.maximum(rng.normal(size=(N, D)) + 0.3 * rng.normal(size=(3, D))[images.y], 0)
    X = (X * rng.uniform(0.5, 2, size=(N, 1))).astype(np.float16)
    X[-1] = 0
    exact = X.astype(np.float64)
    rows = normalize(exact) if norm == "l2" else exact
    K, on = rows @ rows.T, images.train
    svm = newton.fit(K[np.ix_(on, on)], images.y[on], C=0.01)
    made = Made(images, X, svm.decide(K[:, on]))
    write_features(PROBE, X, **made.changes)
    gram.write(Paths().kernel(PROBE), exact @ exact.T, provenance(**made.changes))
    trained = {
        "rows": made.changes["rows"],
        "split": splits.digest([images.split]),
        "normalize": norm,
        "C": 0.01,
        "relative_C": 0.1,
    }
    dual.write(Paths().dual(PROBE), svm, trained)
    index.write(Paths().index, images)
    write_pixels()
    return made


def write_pixels() -> None:
    (Paths().images / "c").mkdir(parents=True)
    Image.new("L", (9, 9)).save(Paths().images / "c" / "00.png")
    pixels.write(Paths().pixels("square64"), Paths().images, [("c", "00.png")], View(5))


def run() -> primal.LinearSVM:
    export.main(PROBE, paths=Paths())
    return primal.read(Paths().primal(PROBE), PROBE)


@pytest.mark.parametrize("norm", ["none", "l2"])
def test_the_primal_svm_decides_as_the_dual_one_does(norm: str) -> None:
    """The SVM's own normalisation counts, not that of params.yaml, which is none."""
    given = make(norm)
    assert Features(Paths().features(PROBE)).block_count == 3
    svm = run()
    assert svm.weights.shape == (D, 3)
    assert np.allclose(svm.decide(given.X), given.decisions, rtol=1e-9, atol=1e-9)
    test = ~given.images.train
    predicted = svm.decide(given.X).argmax(axis=1)
    assert np.array_equal(predicted, given.decisions.argmax(axis=1))
    assert (predicted == given.images.y)[test].mean() > 0.5
    # A row by itself is decided as among others: what `predict` does.
    assert np.allclose(svm.decide(given.X[test][:1]), given.decisions[test][:1], rtol=1e-9)


def test_the_primal_svm_tells_its_settings_and_its_provenance() -> None:
    given = make("l2")
    svm = run()
    assert svm.classes == given.images.classes == ["c", "d", "e"]
    assert (svm.normalize, svm.C) == ("l2", 0.01)
    assert svm.channels == 1
    assert svm.provenance == provenance(**given.changes)
    assert (svm.provenance.storage, svm.provenance.precision) == ("float16", "bfloat16")


def test_two_exports_make_the_same_bytes() -> None:
    make()
    run()
    first = Paths().primal(PROBE).read_bytes()
    run()
    assert Paths().primal(PROBE).read_bytes() == first


@pytest.mark.parametrize("side", ["train", "test"])
def test_damaged_features_are_refused(side: str) -> None:
    given = make()
    row = np.flatnonzero(given.images.train == (side == "train"))[0]
    given.X[row, :100] = 0
    write_features(PROBE, given.X, **given.changes)
    with pytest.raises(StageError, match=r"of a/b .* all 36 .* other decision values for .*single-item"):
        run()
    given.X[row, 0] = np.nan
    write_features(PROBE, given.X, **given.changes)
    with pytest.raises(StageError, match="other decision values"):
        run()
    assert not Paths().primal(PROBE).exists()


def test_other_features_are_refused_and_other_classes_counted() -> None:
    given = make()
    write_features(PROBE, np.roll(given.X, N // 3, axis=0), **given.changes)
    with pytest.raises(StageError, match=r"another class for [1-9]"):
        run()


def test_features_of_another_layer_are_refused() -> None:
    given = make()
    write_features(PROBE, given.X, **given.changes, probe=Probe("a", "c"))
    with pytest.raises(StageError, match=r"features of a/b; found that of a/c"):
        run()


@pytest.mark.parametrize(
    ("file", "stage"), [("features", "extract@a"), ("kernel", "gram@a/b"), ("dual", "tune@a/b")]
)
def test_files_of_other_rows_are_refused(file: str, stage: str) -> None:
    make()
    with h5py.File(getattr(Paths(), file)(PROBE), "r+") as opened:
        place = opened if file == "dual" else next(iter(opened.values()))
        place.attrs["rows"] = "others"
    with pytest.raises(StageError, match=rf"found that of other rows \(others\).* dvc repro {stage}\.$"):
        run()


def test_an_svm_of_another_split_is_refused() -> None:
    given = make()
    split = index.Split.complete(np.roll(given.images.train, 1))
    index.write(Paths().index, index.Index(given.images.keys, split))
    with pytest.raises(StageError, match=r"found that of other splits .* dvc repro tune@a/b\.$"):
        run()
