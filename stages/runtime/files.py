"""A file or folder appears under its final name whole, or not at all."""

import csv
import glob
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary sibling to write; put it at `path` when the block ends without an error."""
    with _beside(path) as temporary:
        yield temporary / path.name
        (temporary / path.name).replace(path)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill; put it at `path`, in place of an older one, when the block ends."""
    with _beside(path) as temporary:
        fresh = temporary / path.name
        fresh.mkdir()
        yield fresh
        if path.exists():
            path.replace(temporary / "older")
        fresh.replace(path)


@contextmanager
def unfailing_file(path: Path) -> Iterator[io.FileIO]:
    """Give a file whose writes seem to succeed; raise the first `OSError` there was when the block ends.

    For libraries that cannot bear one: on a full disk HDF5 ends in a segmentation fault when it closes
    the file, and torch.save tells of an unexpected position.
    """
    with _Unfailing(path, "w+") as file:
        try:
            yield file
        finally:
            if file.error:
                raise OSError(file.error.errno, file.error.strerror, str(path)) from None


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write `values` as json, whole or not at all."""
    write_text(path, json.dumps(values, indent=2) + "\n")


def write_csv(path: Path, columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    """Write a csv file, whole or not at all."""
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)


def read_csv(path: Path) -> list[dict[str, str]]:
    """The lines of a csv file, each by its columns."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_json(path: Path) -> dict[str, Any]:
    """The mapping in a json file; an empty one where there is no file."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write_text(path: Path, text: str) -> None:
    """Write `text`, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


class _Unfailing(io.FileIO):
    error: OSError | None = None

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        length = len(left)
        try:
            while left and not self.error:
                left = left[super().write(left) :]
        except OSError as error:
            self.error = error
        return length


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    # On the same file system as the target, so that the last move is a rename.
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.{os.getpid()}.", dir=path.parent))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sweep(path: Path) -> None:
    """Remove what processes left there that were killed while they wrote `path`."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.*"):
        number = left.name.removeprefix(f".{path.name}.").partition(".")[0]
        if number.isdecimal() and not _lives(int(number)):
            shutil.rmtree(left, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
