"""The exact line search of the solver: J along a step is piecewise quadratic and convex.

Source: Keerthi and DeCoste 2005, "A modified finite Newton method for fast solution of large scale
linear SVMs", JMLR 6.
"""

import numpy as np
from numpy.typing import NDArray


def minimise_along(
    y: NDArray[np.float64],
    alpha: NDArray[np.float64],
    step: NDArray[np.float64],
    r: NDArray[np.float64],
    s: NDArray[np.float64],
    C: float,
) -> float:
    """Return the t in [0, 1] that minimises J at alpha + t step, for one class.

    J is that of svm/newton.py; r = 1 - y f are the distances to the margin at alpha, and r - t s those
    at alpha + t step. All have the shape (n,). The slope of J is increasing and linear between the t at
    which a row's hinge starts or ends: it is a + b t, where a and b change at each such t.
    """
    f_step = y * s  # (K + 1) step, as y is its own inverse
    active = (r > 0) | ((r == 0) & (s < 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        at = r / s
    rows = np.flatnonzero((at > 0) & (at < 1))
    rows = rows[np.argsort(at[rows], kind="stable")]
    change = -np.sign(s[rows])  # a hinge ends if s > 0, and starts if s < 0
    a = alpha @ f_step - 2 * C * _running(s[active] @ r[active], change * s[rows] * r[rows])
    b = step @ f_step + 2 * C * _running(s[active] @ s[active], change * s[rows] ** 2)
    ends = np.append(at[rows], 1.0)
    if a[0] >= 0:
        return 0.0
    (rising,) = np.nonzero(a + b * ends >= 0)
    if not len(rising):
        return 1.0
    first = rising[0]
    return float(np.clip(-a[first] / b[first], 0.0, ends[first]))


def _running(start: float, changes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the start and the sums after each of the changes."""
    return np.cumsum(np.concatenate([[start], changes]))
