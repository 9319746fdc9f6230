"""What must fit in memory: the kernel is n x n, whatever the layers are."""

import math
import shutil
from pathlib import Path

from stages.runtime.errors import StageError

GIB, GB = 2**30, 1e9
# A kernel in float64, as often as `train` holds it: read, shared with its processes, and in each of
# those the columns of the training rows.
BYTES_PER_PAIR = 3 * 8


def refuse_kernel(n: int, gib: float) -> None:
    """Raise `StageError` if the kernel of n images does not fit in `gib`, the runtime.memory."""
    needed = BYTES_PER_PAIR * n * n / GIB
    if needed > gib:
        most = math.isqrt(int(gib * GIB) // BYTES_PER_PAIR)
        raise StageError(
            expected=f"at most {most} images, whose kernel fits in runtime.memory: {gib:g} (GiB)",
            found=f"{n} images, whose kernel takes {needed:.1f} GiB",
            cause="a kernel has a row and a column for each image",
            do="raise runtime.memory in params.yaml if there is more, or use fewer images",
        )


def require(folder: Path, needed: float, what: str) -> None:
    """Say how many bytes `what` will take; raise `StageError` if the disk of `folder` has fewer."""
    free = shutil.disk_usage(folder).free
    print(f"{what} will take about {needed / GB:.2f} GB; {free / GB:.2f} GB are free", flush=True)
    if needed > free:
        raise StageError(
            expected=f"about {needed / GB:.2f} GB of free disk for {what}, at {folder}",
            found=f"{free / GB:.2f} GB",
            cause="a disk that is too small, or full of other things",
            do="free some (`dvc gc --workspace` removes results that params.yaml no longer asks for), "
            "then dvc repro",
        )
