"""Can two probes be told apart? Tests on the same images, on the same splits, and of many at once.

One accuracy on one split has an error; but two probes get mostly the same images right, so their
difference has a smaller one. Only the images on which they disagree tell them apart.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from scipy.stats import t as student

Name = TypeVar("Name")
LEVEL = 0.05  # a p-value above it: the two cannot be told apart


def mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Exact two-sided p-value that two classifiers are equally often right.

    Of the images that only one of them gets right, either is as likely to be the one: a binomial test
    (McNemar 1947, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12; advised for classifiers by Dietterich 1998, "Approximate statistical
    tests for comparing supervised classification learning algorithms", Neural Computation 10).

    Parameters
    ----------
    a, b : whether each gets each of the t test images right, (t,)
    """
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue)


def resampled_t(differences: Sequence[float], *, n_train: float, n_test: float) -> float:
    """Two-sided p-value that two classifiers are equally accurate, from random splits of one data set.

    The splits share most of their images, so an ordinary t-test is far too sure; the variance of the
    mean of s differences is taken as (1 / s + n_test / n_train) times theirs (Nadeau and Bengio 2003,
    "Inference for the generalization error", Machine Learning 52, section 4: the corrected resampled
    t-test, with s - 1 degrees of freedom).

    Parameters
    ----------
    differences : of the two accuracies on each of the s splits, two or more
    n_train, n_test : training and test images of each split, or their means
    """
    values = np.asarray(differences, dtype=np.float64)
    mean, variance = values.mean(), values.var(ddof=1)
    # The same difference on every split, but for rounding: no variance to compare it with.
    if variance < 1e-24:
        return 1.0 if abs(mean) < 1e-12 else 0.0
    t = mean / np.sqrt((1 / len(values) + n_test / n_train) * variance)
    return float(2 * student.sf(abs(t), df=len(values) - 1))


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % confidence interval of an accuracy, of which `right` of n test images are a sample.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22. Unlike two standard errors, it has a length at 0 and at 1.
    """
    interval = binomtest(right, n).proportion_ci(1 - LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def text(p: float | None) -> str:
    """A p-value for people; None is no text."""
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def holm_of(p: Mapping[Name, float]) -> dict[Name, float]:
    """`holm` of p-values that have names."""
    return dict(zip(p, holm(list(p.values())), strict=True))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust the p-values of a family of tests, so that it holds for all of them at once.

    The i-th smallest of m is multiplied by m - i + 1, and none is smaller than the one before it (Holm
    1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6).
    """
    order = np.argsort(p, kind="stable")
    factors = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(np.asarray(p)[order] * factors))
    return [float(value) for value in adjusted]
