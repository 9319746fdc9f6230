import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from stages.svm.line_search import minimise_along


@pytest.mark.parametrize("C", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("length", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("seed", range(5))
def test_the_minimum_is_scipys(seed: int, length: float, C: float) -> None:
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(40, 10)), np.where(rng.random(40) < 0.4, 1.0, -1.0)
    K = X @ X.T + 1
    alpha, step = 0.05 * rng.normal(size=40), length * 0.1 * y * rng.random(40)

    def objective(t: float) -> float:
        a = alpha + t * step
        hinge = np.maximum(0, 1 - y * (K @ a))
        return float(a @ K @ a / 2 + C * hinge @ hinge)

    t = minimise_along(y, alpha, step, 1 - y * (K @ alpha), y * (K @ step), C)
    theirs = minimize_scalar(objective, bounds=(0, 1), options={"xatol": 1e-12}).fun
    assert 0 <= t <= 1
    assert objective(t) <= min(theirs, objective(0), objective(1)) * (1 + 1e-12)


def test_a_step_upwards_is_not_made() -> None:
    y = np.array([1.0, -1.0])
    assert minimise_along(y, np.zeros(2), -y, np.ones(2), -np.ones(2), 1.0) == 0.0
