"""Errors that the user can correct."""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class StageError(Exception):
    """An error that the user can correct, as one line.

    expected, found : what the stage needs, and what it found instead
    cause : the likely reason
    do : what to run or to edit next
    """

    def __init__(self, *, expected: str, found: str, cause: str, do: str) -> None:
        line = f"expected {expected}; found {found}. Likely cause: {cause}. Next: {do}."
        super().__init__(" ".join(line.split()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the finished line: the four parts are no longer known."""
        return _from_line, self.args


def _from_line(line: str) -> StageError:
    error = StageError.__new__(StageError)
    error.args = (line,)
    return error


@contextmanager
def about(what: str) -> Iterator[None]:
    """Put `what: ` in front of the text of a `StageError` that is raised in the block."""
    try:
        yield
    except StageError as error:
        error.args = (f"{what}: {error.args[0]}",)
        raise


def among(name: str, names: list[str], limit: int = 12) -> str:
    """The first `limit` of `names` as a list for an error; those similar to `name` come first."""
    similar = difflib.get_close_matches(name, names, n=limit)
    ordered = similar + [other for other in names if other not in similar]
    return ", ".join(ordered[:limit]) + (", …" if len(ordered) > limit else "")


def listed(names: Sequence[str], limit: int = 12) -> str:
    """The first `limit` names, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
