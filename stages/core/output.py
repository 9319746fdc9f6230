"""A file or folder appears under its final name whole, or not at all."""

import csv
import json
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


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write `values` as json, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(values, indent=2) + "\n")


def write_csv(path: Path, columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    """Write a csv file, whole or not at all."""
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    # On the same file system as the target, so that the last move is a rename.
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
