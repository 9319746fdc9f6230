"""A linear SVM on features of any width, solved exactly through their Gram matrix.

The problem is that of scikit-learn's `LinearSVC` (one class against the rest, squared hinge loss, the
bias regularised like a weight): minimise over (w, b)

    J = 1/2 |w|^2 + 1/2 b^2 + C sum_i max(0, 1 - y_i f_i)^2,      f_i = w.x_i + b

Its solution is a combination of the n training rows, w = X^T alpha and b = sum_i alpha_i, so that
f = (K + 1) alpha with K = X X^T: the width of X does not matter.

J is quadratic as long as the set A of rows inside the margin (y_i f_i < 1) stays the same. A Newton step
solves the quadratic of the current A,

    (K_AA + 1 + I / (2 C)) alpha_A = y_A,      alpha = 0 elsewhere.

When A no longer changes, alpha is the exact minimum: there is no tolerance to choose. An exact line
search makes the number of steps finite. (`LinearSVC` stops at a tolerance, on wide features well before
the minimum: tests/svm/test_newton.py compares the two.)

The search for the first C starts at the minimum for every second row, found in the same way. There, A
is nearly that of all rows, and the few steps that are left solve small systems. Where the classes are
barely separable, hundreds of steps are possible; from the minimum of a smaller C there are a few dozen.
A slow search therefore restarts from there.

In A, the equation says 1 - y_i f_i = y_i alpha_i / (2 C). If C K is large, such a distance to the
margin is far below the rounding of f_i. So it is taken from alpha, and not from the difference.

The end of each search is checked: a_i = max(0, y_i alpha_i) is feasible in the dual problem, so J is
above the minimum by at most the duality gap between the two. The gap is that of the kernel as it is in
memory. If rounding has made the kernel indefinite, and an eigenvalue is near -1 / (2 C), its minimum may
be far from that of the features. Such a C is refused.

Sources: Chapelle 2007, "Training a support vector machine in the primal", Neural Computation 19(5);
Keerthi and DeCoste 2005, "A modified finite Newton method for fast solution of large scale linear
SVMs", JMLR 6 (the line search, and the proof that it ends).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.runtime.limits import one_blas_thread
from stages.svm.dual import KernelSVM, dual_objective
from stages.svm.line_search import minimise_along
from stages.svm.systems import System, refuse_indefinite

MAX_STEPS = 300
PATIENCE = 30  # steps before a detour to a smaller C; nearly all searches need fewer
MAX_DETOURS = 8
MAX_GAP = 1e-6  # of a search that converged; rounding alone is below 1e-12
# With fewer rows, a search starts at alpha = 0: half of them would tell too little.
WORTH_HALVING = 50


def fit(K: NDArray[np.float64], y: NDArray[np.int64], *, C: float) -> KernelSVM:
    """Train one SVM per class against the rest.

    Parameters
    ----------
    K : kernel of the training rows, (n_train, n_train)
    y : classes of the training rows, 0 to k - 1, (n_train,)
    C : weight of the hinge losses, above 0

    Raises `StageError` if C is too large for the rounding of K.
    """
    return fit_path(K, y, [C])[0]


def fit_path(K: NDArray[np.float64], y: NDArray[np.int64], Cs: Sequence[float]) -> list[KernelSVM]:
    """Fit an SVM for each of the ascending `Cs`, each search starting at the minimum of the previous C.

    The set of rows inside the margin changes little from one C to the next, and not at all above some C:
    with seven values of C, a search takes two to four steps per class and C.
    """
    targets = np.where(y[:, None] == np.arange(y.max() + 1), 1.0, -1.0)
    searches = [(target, _State(len(K))) for target in targets.T]
    augmented, svms = K + 1.0, []  # the bias is one more feature, with the value 1
    with one_blas_thread():
        refuse_indefinite(augmented, Cs[-1])
        for number, C in enumerate(Cs):
            find = _minimise if number else _find_first
            converged = find(augmented, C, searches)
            alpha = np.stack([state.alpha for _, state in searches], axis=1)
            gap = _largest_gap(augmented, C, searches)
            svms.append(KernelSVM(alpha, alpha.sum(axis=0), converged and gap <= MAX_GAP, gap))
    return svms


class _State:
    """State of the search for one class: alpha (n,) and the distances r = 1 - y f (n,) to the margin."""

    def __init__(self, n: int) -> None:
        self.start(n)

    def start(self, n: int) -> None:
        """Start, or restart, at alpha = 0, where every row is inside the margin."""
        self.alpha, self.r = np.zeros(n), np.ones(n)


# The targets of a class, (n,), and the state of its search.
_Search = tuple[NDArray[np.float64], _State]


def _find_first(K: NDArray[np.float64], C: float, searches: Sequence[_Search]) -> bool:
    """Move the states of all classes to the minimum at the first C; return whether all reached it."""
    _start_at_half(K, C, searches)
    if _minimise(K, C, searches, MAX_DETOURS) and _largest_gap(K, C, searches) <= MAX_GAP:
        return True
    # Where rounding nearly hides the minimum, the search can end early unless it starts at alpha = 0.
    for _, state in searches:
        state.start(len(K))
    return _minimise(K, C, searches, MAX_DETOURS)


def _start_at_half(K: NDArray[np.float64], C: float, searches: Sequence[_Search]) -> None:
    """Move the states of all classes to the minimum at C for every second row, if there are many."""
    if len(K) < WORTH_HALVING:
        return
    half = np.ascontiguousarray(K[::2, ::2])
    halves = [(np.ascontiguousarray(y[::2]), _State(len(half))) for y, _ in searches]
    _start_at_half(half, C, halves)
    system = System(half, C)
    for search in halves:
        _newton(system, *search, PATIENCE)
    f = K[::2].T @ np.stack([state.alpha for _, state in halves], axis=1)
    for (y, state), (_, found), of_class in zip(searches, halves, f.T, strict=True):
        state.alpha[::2] = found.alpha
        state.r = 1 - y * of_class
        state.r[::2] = found.r


def _minimise(
    K: NDArray[np.float64],
    C: float,
    searches: Sequence[_Search],
    detours: int = 0,
) -> bool:
    """Move the states of all classes to the minimum at C; return whether all reached it.

    Slow searches restart from the minimum at C / 30, if any `detours` remain.
    """
    system, limit = System(K, C), PATIENCE if detours else MAX_STEPS
    slow = [search for search in searches if not _newton(system, *search, limit)]
    if slow and detours:
        for _, state in slow:
            state.start(len(K))
        _minimise(K, C / 30, slow, detours - 1)
        slow = [search for search in slow if not _newton(system, *search, MAX_STEPS)]
    return not slow


def _newton(system: System, y: NDArray[np.float64], state: _State, limit: int) -> bool:
    """Move `state` to the minimum of J for one class; return whether `limit` steps were enough."""
    for _ in range(limit):
        inside = state.r > 0
        alpha = system.solve(y, inside)
        r = np.where(inside, y * alpha / (2 * system.C), 1 - y * (system.K @ alpha))
        if np.array_equal(r > 0, inside):
            state.alpha, state.r = alpha, r
            return True
        step, s = alpha - state.alpha, state.r - r
        length = minimise_along(y, state.alpha, step, state.r, s, system.C)
        state.alpha, state.r = state.alpha + length * step, state.r - length * s
        if length * np.abs(s).max() <= 1e-12 * np.abs(1 - state.r).max():
            return True  # J can only change by rounding, such as that of rows on the margin
    return False


def _largest_gap(K: NDArray[np.float64], C: float, searches: Sequence[_Search]) -> float:
    return max(_gap(K, C, *search) for search in searches)


def _gap(K: NDArray[np.float64], C: float, y: NDArray[np.float64], state: _State) -> float:
    """Return the duality gap of a class, relative to its objective J."""
    f = K @ state.alpha
    a = np.maximum(0.0, y * state.alpha)
    dual_f = f if np.array_equal(y * a, state.alpha) else K @ (y * a)
    hinge = np.maximum(0.0, 1 - y * f)
    primal = float(state.alpha @ f / 2 + C * hinge @ hinge)
    return (primal - dual_objective(a, y, dual_f, C)) / primal
