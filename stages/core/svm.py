"""A linear SVM on features of any width, solved exactly through their Gram matrix.

The problem is that of scikit-learn's `LinearSVC` (one class against the rest, squared hinge, the bias
regularised like a weight): minimise over (w, b)

    J = 1/2 |w|^2 + 1/2 b^2 + C sum_i max(0, 1 - y_i f_i)^2,      f_i = w.x_i + b

Its solution is a combination of the n training rows, w = X^T alpha and b = sum_i alpha_i, so that
f = (K + 1) alpha with K = X X^T: the width of X does not matter any more.

J is quadratic as long as the set A of rows inside the margin (y_i f_i < 1) stays the same. Newton's step
solves the quadratic of the present A,

    (K_AA + 1 + I / (2 C)) alpha_A = y_A,      alpha = 0 elsewhere,

and when A does not change any more that is the exact minimum, not an approximation of it: there is no
tolerance to choose. An exact line search makes the number of steps finite. (`LinearSVC` stops at a
tolerance, and on wide features well before the minimum: tests/core/test_svm.py compares them.)

Sources: Chapelle 2007, "Training a support vector machine in the primal", Neural Computation 19(5);
Keerthi and DeCoste 2005, "A modified finite Newton method for fast solution of large scale linear
SVMs", JMLR 6 (the line search, and the proof that it ends).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import brentq

MAX_STEPS = 300


@dataclass(frozen=True)
class Machine:
    """A trained SVM: `alpha` (n_train, k) and `bias` (k,), a column for each of the k classes.

    `converged` is False if `MAX_STEPS` were not enough for one of the classes.
    """

    alpha: NDArray[np.float64]
    bias: NDArray[np.float64]
    converged: bool

    def decide(self, K: NDArray[np.float64]) -> NDArray[np.float64]:
        """Decision values (m, k) of m rows, from their kernel with the training rows, K (m, n_train)."""
        return K @ self.alpha + self.bias


def fit(K: NDArray[np.float64], y: NDArray[np.int64], *, C: float) -> Machine:
    """Train one SVM per class against the rest.

    Parameters
    ----------
    K : kernel of the training rows, (n_train, n_train)
    y : their classes, 0 to k - 1, (n_train,)
    C : the weight of the hinge losses, above 0
    """
    return path(K, y, [C])[0]


def path(K: NDArray[np.float64], y: NDArray[np.int64], Cs: Sequence[float]) -> list[Machine]:
    """`fit` for each of the ascending `Cs`, each from where the one before ended.

    The set of rows inside the margin changes little from one C to the next, and above some C not at all:
    seven values take two to four steps a class and value.
    """
    augmented = K + 1.0  # the bias is one more feature, constantly 1
    targets = np.where(y[:, None] == np.arange(y.max() + 1), 1.0, -1.0)
    # From alpha = 0 every row is inside the margin: the first step is one system for all classes.
    first = _solve(augmented, targets, Cs[0])
    states = [_State(goal) for goal in first.T]
    machines = []
    for C in Cs:
        converged = [
            _newton(augmented, target, state, C) for target, state in zip(targets.T, states, strict=True)
        ]
        alpha = np.stack([state.alpha for state in states], axis=1)
        machines.append(Machine(alpha, alpha.sum(axis=0), all(converged)))
    return machines


class _State:
    """Where the search for one class is: alpha (n,), f (n,), and the rows inside the margin.

    `goal` is the minimum of the first quadratic, which was solved for all classes at once.
    """

    def __init__(self, goal: NDArray[np.float64]) -> None:
        self.alpha, self.f = np.zeros_like(goal), np.zeros_like(goal)
        self.inside = np.ones(len(goal), dtype=np.bool_)
        self.goal: NDArray[np.float64] | None = goal


def _newton(K: NDArray[np.float64], y: NDArray[np.float64], state: _State, C: float) -> bool:
    """Move `state` to the minimum of J for one class; return whether it was reached."""
    for _ in range(MAX_STEPS):
        goal, state.goal = state.goal, None
        if goal is None:
            goal = np.zeros_like(y)
            inside = state.inside
            goal[inside] = _solve(K[np.ix_(inside, inside)], y[inside], C)
        f_goal = K @ goal
        if np.array_equal(y * f_goal < 1, state.inside):
            state.alpha, state.f = goal, f_goal
            return True
        step, f_step = goal - state.alpha, f_goal - state.f
        length = _line_search(y, state.alpha, state.f, step, f_step, C)
        state.alpha, state.f = state.alpha + length * step, state.f + length * f_step
        if length * np.abs(f_step).max() <= 1e-12 * np.abs(state.f).max():
            return True  # no way down is left but rounding, such as of rows on the margin
        state.inside = y * state.f < 1
    return False


def _solve(K: NDArray[np.float64], targets: NDArray[np.float64], C: float) -> NDArray[np.float64]:
    """Solve (K + I / (2 C)) alpha = targets."""
    regularised = K.copy()
    regularised.flat[:: len(K) + 1] += 1 / (2 * C)
    solution: NDArray[np.float64] = cho_solve(
        cho_factor(regularised, lower=True, overwrite_a=True), targets
    )
    return solution


def _line_search(
    y: NDArray[np.float64],
    alpha: NDArray[np.float64],
    f: NDArray[np.float64],
    step: NDArray[np.float64],
    f_step: NDArray[np.float64],
    C: float,
) -> float:
    """How far along `step` J is least, 0 to 1: where its slope, which only grows, is zero."""

    def slope(t: float) -> float:
        hinge = np.maximum(0.0, 1 - y * (f + t * f_step))
        # |w + t dw|^2 and w.dw as kernel products: w = X^T alpha, X w = f.
        return float(alpha @ f_step + t * (step @ f_step) - 2 * C * (y * f_step) @ hinge)

    if slope(0.0) >= 0:
        return 0.0
    return 1.0 if slope(1.0) <= 0 else float(brentq(slope, 0.0, 1.0, xtol=1e-12))
