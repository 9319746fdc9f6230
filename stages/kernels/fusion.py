"""Several layers as one: the features put side by side, each layer scaled to weigh the same.

The kernel of features put side by side is the sum of their kernels; so a fusion costs an addition.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def kernel(members: Sequence[NDArray[np.float64]], train: NDArray[Any]) -> NDArray[np.float64]:
    """The sum of trace-normalised kernels (n, n); one alone stays as it is.

    Each is divided by the mean of its diagonal over the rows `train` (a mask or numbers): each layer's
    features are scaled so that the training rows have a mean squared length of 1. No other row has a
    part in it. A layer that is all zeros adds nothing.
    """
    if len(members) == 1:
        return members[0]
    K = np.zeros_like(members[0])
    for member in members:
        size = member.diagonal()[train].mean()
        if size > 0:
            K += member / size
    return K
