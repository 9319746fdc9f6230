import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import LinearSVC

from stages.dataset import splits
from stages.dataset.index import Index, Split
from stages.kernels import fusion
from stages.runtime.errors import StageError
from stages.svm import newton, protocol
from stages.svm.protocol import Fixed
from stages.svm.tuning import Tuned

GRID = [0.02, 0.2, 2.0, 20.0]  # in units of 1 / (mean squared length of the training rows)
FIXED, TUNED = Fixed(1.0, "newton"), Tuned(GRID, 3, 0, "newton")
KEYS = [(label, f"{i:02}.png") for label in "abc" for i in range(30)]
Rows = NDArray[np.float64]


def study(seed: int, signal: float = 1.0, d: int = 200) -> tuple[Rows, Index, list[Split]]:
    """Features (90, d) of three classes, the index with its split, and three random splits."""
    alone = np.arange(len(KEYS))
    made = [splits.draw(KEYS, alone, train_per_class=15, seed=[seed, i]) for i in range(4)]
    images = Index(KEYS, made[0])
    X = np.random.default_rng(seed).normal(size=(90, d))
    X[:, :3] += signal * np.eye(3)[images.y]
    return X, images, made[1:]


def right(decisions: Rows, images: Index, rows: NDArray[np.bool_]) -> float:
    return float((decisions.argmax(axis=1) == images.y)[rows].mean())


def test_each_split_is_what_scikit_learn_makes_of_its_training_rows() -> None:
    X, images, others = study(0, signal=2.0)
    fixed, tuned = (protocol.run([X @ X.T], images, others, fit, "a/b") for fit in (FIXED, TUNED))
    pairs = zip([fixed.headline, *fixed.random], [tuned.headline, *tuned.random], strict=True)
    for (plain, trial), train in zip(pairs, [images.train, *(one.train for one in others)], strict=True):
        assert np.array_equal(plain.split.train, train)
        assert np.array_equal(trial.split.train, train)
        assert plain.curve is None
        assert trial.curve
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        svc = LinearSVC(tol=1e-7, max_iter=100_000, dual=False)
        search = GridSearchCV(svc, {"C": trial.curve.grid}, cv=folds).fit(X[train], images.y[train])
        assert trial.curve.mean == pytest.approx(search.cv_results_["mean_test_score"])
        assert (1.0, trial.curve.C) == (plain.C, trial.C)
        assert trial.curve.grid == pytest.approx(np.array(GRID) / (X[train] ** 2).sum(axis=1).mean())
        for decisions, C in ((plain.decisions, plain.C), (trial.decisions, trial.C)):
            expected = svc.set_params(C=C).fit(X[train], images.y[train]).decision_function(X)
            assert np.abs(decisions - expected).max() < 1e-3 * np.abs(expected).max()
        assert plain.svm.converged
        assert trial.svm.converged
        assert max(plain.gap, trial.gap) < 1e-12


def test_the_svm_of_the_headline_split_is_kept_and_timed() -> None:
    X, images, others = study(1)
    found = protocol.run([X @ X.T], images, others, FIXED, "a/b")
    K = (X @ X.T)[:, images.train]
    alone = newton.fit(K[images.train], images.y[images.train], C=1.0)
    assert np.allclose(found.headline.svm.alpha, alone.alpha)
    assert np.allclose(found.headline.svm.decide(K), found.headline.decisions)
    assert found.all_seconds >= found.headline.fit_seconds > 0
    assert found.worker_bytes == 0


def test_worker_processes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    X, images, others = study(2)
    alone = protocol.run([X @ X.T], images, others, TUNED, "a/b")
    monkeypatch.setattr(protocol, "_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(protocol, "cpu_count", lambda: 2)
    many = protocol.run([X @ X.T], images, others, TUNED, "a/b")
    assert many.worker_bytes > 0
    for one, other in zip([alone.headline, *alone.random], [many.headline, *many.random], strict=True):
        assert np.array_equal(one.decisions, other.decisions)
        assert one.curve == other.curve


def test_an_error_comes_back_from_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    X, images, others = study(2)
    monkeypatch.setattr(protocol, "_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(protocol, "cpu_count", lambda: 2)
    with pytest.raises(StageError, match="at least 40 training images of each class"):
        protocol.run([X @ X.T], images, others, Tuned(GRID, 40, 0, "newton"), "a/b")


@pytest.mark.parametrize("layers", [1, 2])
def test_test_rows_influence_only_what_is_predicted_of_them(layers: int) -> None:
    """With other test rows only their own decision values change."""
    X, images, _ = study(3)
    train, trials = images.train, []
    for factor in (1.0, 50.0):
        rows = X.copy()
        rows[~train] = factor * rows[~train][::-1]
        parts = np.split(rows, layers, axis=1)
        members = [part @ part.T for part in parts]
        trials.append([fit(members, images.y, images.split) for fit in (FIXED, TUNED)])
    for one, other in zip(*trials, strict=True):
        assert one.curve == other.curve
        assert np.allclose(one.decisions[train], other.decisions[train])
        assert not np.allclose(one.decisions[~train], other.decisions[~train])


def test_c_is_not_chosen_by_the_test_rows() -> None:
    """Labels are random: a C chosen by the test rows would beat chance, the C chosen here does not."""
    chosen, leaking = [], []
    for seed in range(12):
        X, images, _ = study(seed, signal=0.0, d=20)
        K, test = X @ X.T, ~images.train
        found = TUNED([K], images.y, images.split)
        chosen.append(right(found.decisions, images, test))
        cross, y = K[:, images.train], images.y[images.train]
        decided = [newton.fit(cross[images.train], y, C=C).decide(cross) for C in found.curve.grid]
        leaking.append(max(right(decisions, images, test) for decisions in decided))
    assert np.mean(chosen) < 1 / 3 + 0.04
    assert np.mean(leaking) > np.mean(chosen) + 0.02


def test_layers_are_not_scaled_by_the_test_rows() -> None:
    """A layer of noise is loudest in the test rows: scaling by them would quieten it and help."""
    honest, leaking = [], []
    for seed in range(6):
        X, images, _ = study(seed, signal=2.0, d=10)
        train, test = images.train, ~images.train
        noise = np.random.default_rng(100 + seed).normal(size=(90, 10))
        noise[test] *= 30
        members = [X @ X.T, noise @ noise.T]
        members[1][np.ix_(test, train)] /= 30  # but not for the SVM
        found = FIXED(members, images.y, images.split)
        K = fusion.columns(members, np.arange(90))[:, train]
        svm = newton.fit(K[train], images.y[train], C=1.0)
        honest.append(right(found.decisions, images, test))
        leaking.append(right(svm.decide(K), images, test))
    assert np.mean(leaking) > np.mean(honest) + 0.02


def test_settings_choose_the_reference_solver() -> None:
    X, images, others = study(6, signal=2.0, d=30)
    exact, reference = (
        protocol.run([X @ X.T], images, others, Fixed(0.01, solver), "a/b")
        for solver in ("newton", "liblinear")
    )
    difference = np.abs(exact.headline.decisions - reference.headline.decisions).max()
    assert 0 < difference < 0.02 * np.abs(exact.headline.decisions).max()
