"""What the HDF5 files of all kinds have in common."""

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
    """Give a new file, which appears at `path` whole or not at all; on a full disk raise `OSError`."""
    with (
        files.whole_file(path) as temporary,
        files.unfailing_file(temporary) as target,
        h5py.File(target, "w") as file,
    ):
        yield file


@contextmanager
def reading(path: Path, what: str, stage: str) -> Iterator[None]:
    """Tell what fails in the block as a `StageError`: `what`, made by `stage`, cannot be read at `path`.

    A flipped bit fails there, too, where the data are stored with HDF5's Fletcher-32 checksum.
    """
    expected = f"{what} at {path}"
    try:
        yield
    except FileNotFoundError as error:
        cause = "its stage did not run"
        raise StageError(
            expected=expected, found="no such file", cause=cause, do=f"dvc repro {stage}"
        ) from error
    except (OSError, KeyError) as error:
        # DVC trusts a file of known size and time, and in its cache, of which this is a hard link, one
        # that is write-protected: it would put the damaged file back in place of a new one.
        raise StageError(
            expected=expected,
            found=str(error),
            cause="a damaged file",
            do=f"chmod u+w {path} && touch {path} && dvc repro {stage}",
        ) from error


def attributes(item: h5py.File | h5py.Dataset) -> dict[str, Any]:
    """The attributes of a file or a data set: numbers and texts as Python's own, arrays as lists."""
    return {
        key: value.tolist() if isinstance(value, np.generic | np.ndarray) else value
        for key, value in item.attrs.items()
    }
