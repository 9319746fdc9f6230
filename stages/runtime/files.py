"""Atomic writing: a file or folder appears under its final name complete, or not at all."""

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
    """Yield a temporary path to write to; move the file to `path` if the block ends without an error."""
    with _temporary_folder(path) as temporary:
        yield temporary / path.name
        (temporary / path.name).replace(path)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder; let it replace `path` if the block ends without an error."""
    with _temporary_folder(path) as temporary:
        fresh = temporary / path.name
        fresh.mkdir()
        yield fresh
        if path.exists():
            path.replace(temporary / "older")
        fresh.replace(path)


@contextmanager
def unfailing_file(path: Path) -> Iterator[io.FileIO]:
    """Yield a file whose writes never fail; raise their first `OSError` when the block ends.

    For libraries that do not handle a failed write: on a full disk, HDF5 ends in a segmentation fault
    when it closes the file, and torch.save reports an unexpected position.
    """
    with _Unfailing(path, "w+") as file:
        try:
            yield file
        finally:
            if file.error:
                raise OSError(file.error.errno, file.error.strerror, str(path)) from None


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(values, indent=2) + "\n")


def write_csv(path: Path, columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)


def read_csv(path: Path) -> list[dict[str, str]]:
    """The lines of a csv file as mappings from column to text."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_json(path: Path) -> dict[str, Any]:
    """The mapping in a json file; an empty one if the file does not exist."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write_text(path: Path, text: str) -> None:
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def copy(path: Path, target: Path) -> None:
    with whole_file(target) as temporary:
        shutil.copyfile(path, temporary)


class _Unfailing(io.FileIO):
    error: OSError | None = None

    def write(self, data: Any) -> int:
        remaining = memoryview(data).cast("B")
        length = len(remaining)
        try:
            while remaining and not self.error:
                remaining = remaining[super().write(remaining) :]
        except OSError as error:
            self.error = error
        return length


@contextmanager
def _temporary_folder(path: Path) -> Iterator[Path]:
    # In the folder of the target, hence on its file system: the last move is a rename.
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.{os.getpid()}.", dir=path.parent))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary folders of processes that were killed while they wrote `path`."""
    for abandoned in path.parent.glob(f".{glob.escape(path.name)}.*.*"):
        number = abandoned.name.removeprefix(f".{path.name}.").partition(".")[0]
        if number.isdecimal() and not _is_running(int(number)):
            shutil.rmtree(abandoned, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only asks whether the process exists
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # the process exists and belongs to another user
    return True
