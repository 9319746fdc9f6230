"""Limits of the computer: memory, disk, cores."""

import math
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from stages.runtime.errors import StageError

GIB, GB = 2**30, 1e9
# `train` holds the float64 kernel three times: as read, as shared with its worker processes, and the
# training rows' columns in each of the workers.
BYTES_PER_PAIR = 3 * 8


def refuse_kernel(n: int, gib: float) -> None:
    """Raise `StageError` if the kernel of `n` images does not fit in `gib` GiB, runtime.memory."""
    needed = BYTES_PER_PAIR * n * n / GIB
    if needed > gib:
        most = math.isqrt(int(gib * GIB) // BYTES_PER_PAIR)
        raise StageError(
            expected=f"at most {most} images, whose kernel fits in runtime.memory: {gib:g} (GiB)",
            found=f"{n} images, whose kernel takes {needed:.1f} GiB",
            cause="a kernel has a row and a column for each image",
            do="raise runtime.memory in params.yaml if there is more, or use fewer images",
        )


def require_space(folder: Path, needed: float, what: str) -> None:
    """Print how many bytes `what` needs; raise `StageError` if the disk of `folder` has fewer free."""
    free = shutil.disk_usage(folder).free
    print(f"{what} will take about {needed / GB:.2f} GB; {free / GB:.2f} GB are free", flush=True)
    if needed > free:
        raise StageError(
            expected=f"about {needed / GB:.2f} GB of free disk for {what}, at {folder}",
            found=f"{free / GB:.2f} GB",
            cause="a small or full disk",
            do="free space (`dvc gc --workspace` removes results that params.yaml no longer asks for), "
            "then dvc repro",
        )


def one_blas_thread() -> AbstractContextManager[Any]:
    """A context in which BLAS uses one thread.

    The last bit of a result then does not depend on the number of cores. Systems of a few thousand
    rows are also faster without threads.
    """
    limited: AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limited
