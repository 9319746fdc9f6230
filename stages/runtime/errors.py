"""Errors that the user can mend, and the names that an error lists."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class StageError(Exception):
    """Something the user can mend, told in one line.

    Parameters
    ----------
    expected, found : what was wanted and what there was instead
    cause : the likely reason
    do : the next thing to run or to edit
    """

    def __init__(self, *, expected: str, found: str, cause: str, do: str) -> None:
        line = f"expected {expected}; found {found}. Likely cause: {cause}. Next: {do}."
        super().__init__(" ".join(line.split()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Go from one process to another as it is: its arguments are made one line already."""
        return _told, self.args


def _told(line: str) -> StageError:
    error = StageError.__new__(StageError)
    error.args = (line,)
    return error


@contextmanager
def about(what: str) -> Iterator[None]:
    """Put `what` it is about in front of a `StageError` that is raised in the block."""
    try:
        yield
    except StageError as error:
        error.args = (f"{what}: {error.args[0]}",)
        raise


def among(name: str, names: list[str], limit: int = 12) -> str:
    """The names there are, those like `name` first, for an error that lists them."""
    like = difflib.get_close_matches(name, names, n=limit)
    shown = like + [other for other in names if other not in like]
    return ", ".join(shown[:limit]) + (", …" if len(shown) > limit else "")
