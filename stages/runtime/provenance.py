"""What a file says that it was made of, and refusing one that was made of something else."""

from collections.abc import Mapping
from typing import Any

from stages.runtime.errors import StageError

# What a kernel says of the features it was made of, for whoever wants to know if those are the present
# ones: `table.identity` has the same of params.yaml.
ORIGIN = ("model", "weights", "module", "precision", "storage")


def refuse_misnamed(what: str, probe: str, about: Mapping[str, Any], stage: str) -> None:
    """Raise `StageError` unless `what`, with attributes `about`, is of the layer it is called after."""
    found = f"{about['backbone']}/{about['layer']}"
    if found != probe:
        raise StageError(
            expected=f"{what} of {probe}",
            found=f"that of {found}",
            cause="a file that was renamed or copied by hand",
            do=f"dvc repro --force --single-item {stage}, then dvc repro",
        )


def refuse_other(what: str, of: str, found: str, wanted: str, do: str) -> None:
    """Raise `StageError` unless `what` was made of the same rows, or training rows, as the index has.

    `found` and `wanted` are digests (`index.digest`, `splits.digest`) of what `of` names.
    """
    if found != wanted:
        raise StageError(
            expected=f"{what} of the {of} in the index ({wanted})",
            found=f"that of other {of} ({found})",
            cause="the images or the split were changed since",
            do=do,
        )
