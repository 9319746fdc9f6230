from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import comparison


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
        assert comparison.mcnemar(*right(both, only_a, only_b, neither)) == pytest.approx(p)


def test_mcnemar_is_what_all_ways_to_disagree_say() -> None:
    """By listing all 2^9 ways in which nine disagreements can fall."""
    sums = np.array([sum(way) for way in product((0, 1), repeat=9)])
    for only_a in range(10):
        extreme = np.abs(sums - 4.5) >= abs(only_a - 4.5)
        found = comparison.mcnemar(*right(4, only_a, 9 - only_a, 2))
        assert found == pytest.approx(extreme.mean())


def test_holm_by_hand() -> None:
    """The textbook example: 0.01, 0.04, 0.03, 0.005 (Wikipedia, "Holm-Bonferroni method")."""
    assert comparison.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert comparison.holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.5))
def test_holm_rejects_what_its_steps_reject(p: list[float], level: float) -> None:
    """The procedure itself: go up from the smallest as long as p <= level / (tests left)."""
    rejected = set()
    for left, number in zip(range(len(p), 0, -1), np.argsort(p, kind="stable"), strict=True):
        if p[number] * left > level:
            break
        rejected.add(int(number))
    adjusted = comparison.holm(p)
    assert {number for number, value in enumerate(adjusted) if value <= level} == rejected
