"""The linear systems of the Newton steps: dense, symmetric and positive definite."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv, dpotrf, dpotri

from stages.runtime.errors import StageError

# The most negative eigenvalue that rounding may give a kernel, in units of 1 / (2 C). At this limit the
# objective of rank-deficient kernels was too high by 2e-6 at most (tests/svm/test_newton.py).
MOST_NEGATIVE = 0.01
# If the share of rows outside the margin is below this one, the inverse of the whole system is faster.
FEW = 0.25


class System:
    """The linear systems M_AA alpha_A = y_A of one C, where M = K + I / (2 C)."""

    def __init__(self, K: NDArray[np.float64], C: float) -> None:
        self.K, self.C = K, C
        self._inverse: NDArray[np.float64] | None = None

    def solve(self, y: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return alpha (n,) for the targets y (n,), zero outside the margin."""
        outside = np.flatnonzero(~inside)
        if len(outside) < FEW * len(y):
            alpha = self._solve_by_inverse(outside, np.where(inside, y, 0.0))
            # One refinement step: the inverse is less exact than a factorisation.
            residual = y - self.K @ alpha - alpha / (2 * self.C)
            return alpha + self._solve_by_inverse(outside, np.where(inside, residual, 0.0))
        alpha = np.zeros_like(y)
        block = _shift(_block(self.K, np.flatnonzero(inside)), 1 / (2 * self.C))
        alpha[inside] = _cholesky_solve(block, y[inside])
        return alpha

    def _solve_by_inverse(
        self, outside: NDArray[np.int64], y: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Solve by the inverse P of M, which all classes share; O are the few rows `outside` the margin.

        alpha = P (y + z), where z is zero except in the rows O and makes alpha zero there:
        P_OO z_O = -(P y)_O.
        """
        P = self._inverted()
        alpha = P @ y
        if len(outside):
            z = _cholesky_solve(_block(P, outside), -alpha[outside])
            alpha = alpha + P[:, outside] @ z
            alpha[outside] = 0.0
        return alpha

    def _inverted(self) -> NDArray[np.float64]:
        if self._inverse is None:
            factor, info = dpotrf(_shift(self.K.copy(), 1 / (2 * self.C)).T, lower=1, overwrite_a=1)
            _refuse(info)
            inverse, info = dpotri(factor, lower=1, overwrite_c=1)
            _refuse(info)
            lower = np.tril(inverse)
            self._inverse = lower + np.tril(lower, -1).T
        return self._inverse


def _block(matrix: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the block (m, m) of these rows and columns."""
    return matrix.take(rows, axis=0).take(rows, axis=1)  # twice as fast as matrix[np.ix_(rows, rows)]


def _shift(matrix: NDArray[np.float64], by: float) -> NDArray[np.float64]:
    """Add a number to the diagonal of a matrix (m, m) in place; return the matrix."""
    matrix.flat[:: len(matrix) + 1] += by
    return matrix


def refuse_indefinite(K: NDArray[np.float64], C: float) -> None:
    """Raise `StageError` if K (n, n) has an eigenvalue near -1 / (2 C)."""
    _, info = dpotrf(_shift(K.copy(), MOST_NEGATIVE / (2 * C)).T, lower=1, overwrite_a=1)
    _refuse(info)


def _cholesky_solve(matrix: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve for a symmetric positive definite matrix, which is overwritten."""
    # LAPACK directly: the copies and checks of scipy.linalg.cho_solve take as long as the solution.
    _, solution, info = dposv(matrix.T, y, lower=1, overwrite_a=1)
    _refuse(info)
    return np.asarray(solution)


def _refuse(info: int) -> None:
    if info:
        raise StageError(
            expected="a C with 1 / (2 C) well above the rounding of the kernel",
            found="a kernel with more negative eigenvalues than that",
            cause="a very large C for features of this size",
            do="lower svm.C or the largest value of svm.grid, or set svm.normalize: l2, in params.yaml",
        )
