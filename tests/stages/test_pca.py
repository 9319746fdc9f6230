import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC
from support.examples import PROBE, overlapping, write_other_index

from stages import pca
from stages.dataset import splits
from stages.kernels import gram
from stages.runtime import files
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.svm import dual

Rows = NDArray[np.float64]


@pytest.fixture
def reduced(small: dict[str, Any], study: Any) -> Any:
    """Go to the study with these numbers of components."""

    def go(components: list[int], C: float = 1.0, **protocol: Any) -> None:
        small["pca"] = {"probes": ["squeeze/pool1"], "components": components}
        small["svm"].update(protocol)
        study(small)
        svm = dual.KernelSVM(np.zeros((1, 3)), np.zeros(3), True, 0.0)
        dual.write(Paths().dual(PROBE), svm, {"C": C})

    return go


def run_pca() -> tuple[list[dict[str, float]], dict[str, Any]]:
    """The curve's lines, and the times."""
    pca.main(PROBE, paths=Paths())
    lines = [
        {key: float(value) for key, value in line.items()}
        for line in files.read_csv(Paths().pca(PROBE, ".csv"))
    ]
    return lines, json.loads(Paths().timings("pca", PROBE).read_text())


@pytest.mark.parametrize("C", [1e-3, 1.0])
@pytest.mark.parametrize("scaling", ["none", "l2"])
def test_the_curve_is_scikit_learns_on_the_raw_features(scaling: str, C: float, reduced: Any) -> None:
    reduced([1, 5, 20], C=C, normalize=scaling)
    images, X = overlapping()
    lines, _ = run_pca()
    X = normalize(X) if scaling == "l2" else X
    train, test, y = images.train, images.test, images.y
    for line, p in zip(lines, [1, 5, 20], strict=True):
        theirs, Z = reduced_by_scikit_learn(X[train], X, p)
        svc = LinearSVC(C=C, dual=False, tol=1e-10, max_iter=100_000)
        said = svc.fit(Z[train], y[train]).predict(Z[test])
        assert line["components"] == p
        assert line["variance"] == pytest.approx(theirs.explained_variance_ratio_.sum(), rel=1e-5)
        assert line["accuracy"] == pytest.approx(np.mean(said == y[test]), rel=1e-5)
        expected = balanced_accuracy_score(y[test], said)
        assert line["balanced_accuracy"] == pytest.approx(expected, rel=1e-5)
        rows, folds = X[train], StratifiedKFold(3, shuffle=True, random_state=0)
        accuracies = []
        for some, others in folds.split(rows, y[train]):
            _, Z = reduced_by_scikit_learn(rows[some], rows, p)
            fitted = svc.fit(Z[some], y[train][some])
            accuracies.append(fitted.score(Z[others], y[train][others]))
        assert line["cv_accuracy"] == pytest.approx(np.mean(accuracies), rel=1e-5)
        assert line["cv_deviation"] == pytest.approx(np.std(accuracies, ddof=1), rel=1e-5)


def reduced_by_scikit_learn(X: Rows, every: Rows, p: int) -> tuple[PCA, Rows]:
    """Scores of `every` row on the components of the rows X, and on what is left of their mean."""
    theirs = PCA(p, svd_solver="full").fit(X)
    Q = np.linalg.qr(np.column_stack([theirs.components_.T, X.mean(axis=0)]))[0]
    return theirs, every @ Q


def test_all_components_give_what_the_layer_itself_gives(reduced: Any, small: dict[str, Any]) -> None:
    """Centred components would lose the mean, and the regularised bias would pay for it."""
    reduced([2, 1000])
    images, X = overlapping()
    X += 3  # the rows are far from the origin
    _, about = gram.read(Paths().kernel(PROBE), PROBE)
    gram.write(Paths().kernel(PROBE), X @ X.T, about)
    lines, _ = run_pca()
    train, test, y = images.train, images.test, images.y
    svc = LinearSVC(C=1.0, dual=False, tol=1e-10, max_iter=100_000).fit(X[train], y[train])
    assert lines[-1]["accuracy"] == pytest.approx(svc.score(X[test], y[test]), rel=1e-5)


def test_numbers_above_the_rank_are_replaced_by_it_once(reduced: Any) -> None:
    """45 training rows have 44 components; numbers come in any order."""
    reduced([1000, 4, 45, 2])
    overlapping()
    lines, times = run_pca()
    assert [line["components"] for line in lines] == times["components"] == [2, 4, 44]
    assert lines[-1]["variance"] == 1


def test_times_stay_out_of_the_results(reduced: Any) -> None:
    reduced([1, 2, 4])
    overlapping()
    lines, times = run_pca()
    assert len(times["svm_seconds"]) == len(lines)
    first = Paths().pca(PROBE, ".csv").read_bytes()
    run_pca()
    assert Paths().pca(PROBE, ".csv").read_bytes() == first


def test_the_settings_stand_beside_the_curve(reduced: Any) -> None:
    reduced([1, 4], C=0.5, normalize="l2")
    images, _ = overlapping()
    run_pca()
    assert json.loads(Paths().pca(PROBE, ".json").read_text()) == {
        "model": "m", "weights": "w", "view": "v", "module": "x", "pool": "none",
        "precision": "float32", "storage": "float16",
        "C": 0.5, "normalize": "l2", "folds": 3, "seed": 0,
        "split_digest": splits.digest([images.split]), "converged": True,
    }  # fmt: skip


def test_training_rows_that_are_alike_leave_the_mean(reduced: Any) -> None:
    reduced([1, 2])
    images, X = overlapping()
    X[images.train] = 1.0
    _, about = gram.read(Paths().kernel(PROBE), PROBE)
    gram.write(Paths().kernel(PROBE), X @ X.T, about)
    lines, _ = run_pca()
    (line,) = lines
    assert (line["components"], line["variance"]) == (1, 0)
    assert line["accuracy"] < 0.6  # all classes tie, but for rounding


def test_a_kernel_of_other_rows_is_refused(reduced: Any) -> None:
    reduced([1])
    overlapping()
    write_other_index()
    with pytest.raises(StageError, match=r"found that of other rows .* dvc repro pca@a/b"):
        run_pca()
    assert not Paths().pca(PROBE, ".csv").exists()
