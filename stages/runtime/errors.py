"""Errors that the user can mend, and the names that an error lists."""

import difflib
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

    def within(self, what: str) -> "StageError":
        """The same error, with `what` it is about put in front."""
        self.args = (f"{what}: {self.args[0]}",)
        return self


def _told(line: str) -> StageError:
    error = StageError.__new__(StageError)
    error.args = (line,)
    return error


def among(name: str, names: list[str], limit: int = 12) -> str:
    """The names there are, those like `name` first, for an error that lists them."""
    like = difflib.get_close_matches(name, names, n=limit)
    shown = like + [other for other in names if other not in like]
    return ", ".join(shown[:limit]) + (", …" if len(shown) > limit else "")
