"""The Gram matrix on an accelerator that has float64: the counterpart of `gram.stream`."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stages.kernels import gram
from stages.runtime.errors import StageError


def stream(blocks: Iterable[NDArray[Any]], n: int, device: torch.device) -> NDArray[np.float64]:
    """Sum X_b X_b^T over blocks of columns X_b (n, w) on `device`; return K (n, n).

    Raises `StageError` if K and a block do not fit in the memory of the device.
    """
    try:
        K = torch.zeros((n, n), dtype=torch.float64, device=device)
        for block in blocks:
            X = torch.from_numpy(block).to(device).double()  # float64 only after the transfer
            K.addmm_(X, X.T)
    except torch.OutOfMemoryError as error:
        raise StageError(
            expected=f"the kernel of {n} images to fit in the memory of {device}",
            found=str(error),
            cause="too many images, or a GPU in use by other programs",
            do="set runtime.device: cpu in params.yaml",
        ) from error
    return gram.mirror(K.cpu().numpy())
