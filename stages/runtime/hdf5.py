"""Reading and writing HDF5 files of any kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from stages.runtime import files
from stages.runtime.errors import StageError


@contextmanager
def writing(path: Path) -> Iterator[h5py.File]:
    """Yield a new file; `path` gets it complete or not at all. Raise `OSError` on a full disk."""
    with (
        files.whole_file(path) as temporary,
        files.unfailing_file(temporary) as target,
        h5py.File(target, "w") as file,
    ):
        yield file


@contextmanager
def reading(path: Path, what: str, stage: str) -> Iterator[None]:
    """Turn an error in the block into a `StageError`: `what`, made by `stage`, cannot be read at `path`.

    A flipped bit is such an error if the data set has HDF5's Fletcher-32 checksum.
    """
    expected = f"{what} at {path}"
    try:
        yield
    except FileNotFoundError as error:
        cause = "its stage did not run"
        raise StageError(
            expected=expected, found="no such file", cause=cause, do=f"dvc repro {stage}"
        ) from error
    except (OSError, KeyError, RuntimeError) as error:  # the last for a damaged attribute
        # The file is a hard link to DVC's cache. DVC trusts a known size and time, and in its cache the
        # write protection. Without chmod and touch, DVC would restore the damaged file.
        raise StageError(
            expected=expected,
            found=str(error),
            cause="a damaged file",
            do=f"chmod u+w {path} && touch {path} && dvc repro {stage}",
        ) from error


def attributes(item: h5py.File | h5py.Dataset) -> dict[str, Any]:
    """The attributes of a file or a data set: Python numbers and texts, arrays as lists."""
    return {
        key: value.tolist() if isinstance(value, np.generic | np.ndarray) else value
        for key, value in item.attrs.items()
    }
