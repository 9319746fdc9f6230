"""A csv file of the user's own with splits: the column `file`, and a column for each split."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stages.dataset.index import SIDES, Key, Split
from stages.runtime.errors import StageError

_CELLS = (*SIDES, "")


def read(path: Path, keys: Sequence[Key]) -> tuple[dict[str, Split], list[str]]:
    """The split of each column, by the column's name, and the images that the file does not list.

    `file` names an image as <label>/<file>. The other cells are train, test or empty; an empty cell and
    an image that is not listed stand for a row that neither trains nor tests.
    Raises `StageError` if the file is missing or no csv file, if its columns are not `file` and one, or
    three or more, others, or for an unknown or repeated image and an unknown cell.
    """
    header, *lines = _cells(path)
    _refuse_columns(path, header)
    place = header.index("file")
    names = [f"{label}/{file}" for label, file in keys]
    _refuse_lines(path, header, lines)
    _refuse_names(path, [line[place] for line in lines], names)
    named = {line[place]: line for line in lines}
    empty = [""] * len(header)
    columns = zip(*(named.get(name, empty) for name in names), strict=True)
    splits = {
        column: Split.parse(sides)
        for column, sides in zip(header, columns, strict=True)
        if column != "file"
    }
    return splits, [name for name in names if name not in named]


def _cells(path: Path) -> list[list[str]]:
    try:
        # A spreadsheet may start the file with a byte order mark.
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise _refusal(path, "a csv file in UTF-8", found, "splits.file names another file") from error
    return lines or [[]]


def _refuse_columns(path: Path, header: Sequence[str]) -> None:
    if "file" not in header or len(header) in (1, 3) or len(set(header)) < len(header):
        raise _refusal(
            path,
            "the columns file and one for the headline split, and two or more others in place of the "
            "random splits or none",
            f"the columns {', '.join(header)}" if header else "no line",
            "a missing or repeated column, or a file of another kind",
        )


def _refuse_lines(path: Path, header: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            found = f"{len(line)} in line {number}"
            raise _refusal(
                path, f"{len(header)} cells in each line", found, "a comma too many or too few"
            )
        for column, cell in zip(header, line, strict=True):
            if column != "file" and cell not in _CELLS:
                found = f"{cell!r} for {line[header.index('file')]} in column {column}"
                raise _refusal(path, "train, test or an empty cell", found, "a misspelt cell")


def _refuse_names(path: Path, listed: Sequence[str], names: Sequence[str]) -> None:
    known = set(names)
    unknown = [name for name in listed if name not in known]
    if unknown:
        raise _refusal(
            path,
            f"images of the data set as <class>/<file>, such as {names[0]}",
            f"{len(unknown)} that are not in it, such as {unknown[0]!r}",
            "another data set, or names without the folder of the class",
        )
    repeated = [name for name, count in Counter(listed).items() if count > 1]
    if repeated:
        found = f"{len(repeated)} listed more than once, such as {repeated[0]}"
        raise _refusal(path, "each image once", found, "lines of several files put together")


def _refusal(path: Path, expected: str, found: str, cause: str) -> StageError:
    do = f"edit {path}, or splits.file in params.yaml"
    return StageError(expected=f"in {path}: {expected}", found=found, cause=cause, do=do)
