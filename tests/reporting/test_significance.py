from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from stages.reporting import significance


def right(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    counts = [both, only_a, only_b, neither]
    a, b = [True, True, False, False], [True, False, True, False]
    return np.repeat(a, counts), np.repeat(b, counts)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (0, 5, 2 * 0.5**5),
        (1, 5, 2 * (1 + 6) * 0.5**6),
        (3, 3, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_by_hand(only_a: int, only_b: int, p: float) -> None:
    for both, neither in ((0, 0), (70, 7)):  # where they agree does not matter
        assert significance.mcnemar(*right(both, only_a, only_b, neither)) == pytest.approx(p)


def test_mcnemar_is_what_all_ways_to_disagree_say() -> None:
    """By listing all 2^9 ways in which nine disagreements can fall."""
    sums = np.array([sum(way) for way in product((0, 1), repeat=9)])
    for only_a in range(10):
        extreme = np.abs(sums - 4.5) >= abs(only_a - 4.5)
        found = significance.mcnemar(*right(4, only_a, 9 - only_a, 2))
        assert found == pytest.approx(extreme.mean())


def test_resampled_t_is_the_published_example() -> None:
    """In scikit-learn's "Statistical comparison of models using grid search": p = 0.227, one tail."""
    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    folds = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (
        cross_val_score(SVC(kernel=kernel), X, y, scoring="roc_auc", cv=folds)
        for kernel in ("rbf", "linear")
    )
    p = significance.resampled_t((rbf - linear).tolist(), n_train=90, n_test=10)
    assert round(p / 2, 3) == 0.227


def test_resampled_t_by_hand() -> None:
    """Mean 2, variance 1, 1/3 + 1 of it: t = sqrt(3); with 2 degrees, p = 1 - t / sqrt(2 + t^2)."""
    p = significance.resampled_t([1.0, 2.0, 3.0], n_train=50, n_test=50)
    assert p == pytest.approx(1 - (3 / 5) ** 0.5)
    assert significance.resampled_t([-1.0, -2.0, -3.0], n_train=50, n_test=50) == pytest.approx(p)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=12), st.integers(1, 300))
def test_resampled_t_is_scipys_with_a_larger_variance(differences: list[float], n_test: int) -> None:
    found = significance.resampled_t(differences, n_train=100, n_test=n_test)
    if np.var(differences, ddof=1) < 1e-20:
        return
    shrunk = stats.ttest_1samp(differences, 0).statistic / (1 + len(differences) * n_test / 100) ** 0.5
    expected = 2 * stats.t.sf(abs(shrunk), len(differences) - 1)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_resampled_t_of_differences_that_never_vary() -> None:
    assert significance.resampled_t([0.0, 0.0, 0.0], n_train=10, n_test=10) == 1.0
    assert significance.resampled_t([0.1, 0.1, 0.1], n_train=10, n_test=10) == 0.0


def test_holm_by_hand() -> None:
    """The textbook example: 0.01, 0.04, 0.03, 0.005 (Wikipedia, "Holm-Bonferroni method")."""
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert significance.holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.5))
def test_holm_rejects_what_its_steps_reject(p: list[float], level: float) -> None:
    """The procedure itself: go up from the smallest as long as p <= level / (tests left)."""
    rejected = set()
    for left, number in zip(range(len(p), 0, -1), np.argsort(p, kind="stable"), strict=True):
        if p[number] * left > level:
            break
        rejected.add(int(number))
    adjusted = significance.holm(p)
    assert {number for number, value in enumerate(adjusted) if value <= level} == rejected


@pytest.mark.parametrize(("right", "n"), [(0, 12), (12, 12), (2626, 2985), (1, 3)])
def test_wilsons_interval_is_that_of_its_equation(right: int, n: int) -> None:
    """Its ends p solve |right / n - p| = z sqrt(p (1 - p) / n)."""
    z = stats.norm.ppf(0.975)
    low, high = significance.wilson(right, n)
    for p in (low, high):
        assert abs(right / n - p) == pytest.approx(z * np.sqrt(p * (1 - p) / n), abs=1e-9)
    assert 0 <= low < high <= 1
