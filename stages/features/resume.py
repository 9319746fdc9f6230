"""The partial work of an interrupted stage, which the next run continues."""

import hashlib
import json
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from stages.features.segments import Segments
from stages.runtime import files
from stages.runtime.errors import StageError


@contextmanager
def exclusive(folder: Path, identity: Mapping[str, Any]) -> Iterator[Path]:
    """Lock `folder` for the block; remove it if the block ends without an error.

    `identity` is everything that determines the result. The folder keeps the work of an interrupted run
    with the same identity, and is emptied otherwise.
    Raises `StageError` if another process holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StageError(
            expected=f"{folder} for this run alone",
            found="another run that uses the folder",
            cause="the same stage was started twice",
            do="wait for the other run, or stop it",
        ) from None
    with lock:
        record, text = folder / "identity.json", json.dumps(identity, indent=2)
        if not record.exists() or record.read_text() != text:
            shutil.rmtree(folder)
            folder.mkdir()
            files.write_text(record, text)
        yield folder
        shutil.rmtree(folder)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def software(*packages: str) -> dict[str, str]:
    """The sha256 of the project's loaded modules, and the versions of Python and of `packages`."""
    project = Path(__file__).parents[1]
    loaded = {Path(getattr(module, "__file__", None) or "") for module in sys.modules.values()}
    code = hashlib.sha256()
    for path in sorted(path for path in loaded if path.is_relative_to(project)):
        code.update(path.read_bytes())
    return {
        "code": code.hexdigest(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


class Progress:
    """The number of rows that all layers have on disk and the seconds they took, in a json file."""

    def __init__(self, path: Path, parts: Sequence[Segments]) -> None:
        self._path, self._parts = path, parts
        record = _read(path)
        # After a power failure fewer rows may exist than were recorded; start over.
        if any(segments.rows < record.get("rows", 0) for segments in parts):
            record = {}
        self.rows: int = record.get("rows", 0)
        self._earlier: dict[str, Any] = record.get("seconds", {})
        self._recorded = False
        for segments in parts:
            segments.forget(self.rows)  # a killed run may have written more rows of some layers

    def keep(self, seconds: dict[str, Any]) -> bool:
        """Record the rows, unless some wait in memory; return whether this run does so first."""
        if any(segments.waiting for segments in self._parts):
            return False
        first, self._recorded = not self._recorded, True
        rows = self._parts[0].rows
        files.write_json(self._path, {"rows": rows, "seconds": self.total(seconds)})
        return first

    def total(self, seconds: dict[str, Any]) -> dict[str, Any]:
        """The sum of `seconds` and those of the interrupted runs."""
        return _sum(seconds, self._earlier) if self._earlier else seconds


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _sum(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _sum(value, b[key]) if isinstance(value, dict) else value + b[key]
        for key, value in a.items()
    }
