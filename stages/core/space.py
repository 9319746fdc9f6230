"""Room on the disk: what will be written must fit, and where it did not, what to do."""

import shutil
from pathlib import Path

from stages.core.command import StageError

GB = 1e9


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
