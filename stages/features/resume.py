"""Work of a stage that may be cut off: kept beside its outputs, for the next run to go on with."""

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
def claimed(folder: Path, identity: Mapping[str, Any]) -> Iterator[Path]:
    """Hold `folder` alone; when the block ends without an error it is removed, else it stays.

    What an earlier run left there is still in it if that run had the same `identity`: all that
    determines the result. Anything else is removed first.

    Raises
    ------
    StageError
        if another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StageError(
            expected=f"{folder} for this run alone",
            found="another run that is at work there",
            cause="the same stage was started twice",
            do="wait for the other one, or stop it",
        ) from None
    with lock:
        record, wanted = folder / "identity.json", json.dumps(identity, indent=2)
        if not record.exists() or record.read_text() != wanted:
            shutil.rmtree(folder)
            folder.mkdir()
            files.write_text(record, wanted)
        yield folder
        shutil.rmtree(folder)


def digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def software(*packages: str) -> dict[str, str]:
    """The project's code that is loaded, as a digest, and the versions of Python and these packages."""
    ours = Path(__file__).parents[1]
    loaded = {Path(getattr(module, "__file__", None) or "") for module in sys.modules.values()}
    code = hashlib.sha256()
    for path in sorted(path for path in loaded if path.is_relative_to(ours)):
        code.update(path.read_bytes())
    return {
        "code": code.hexdigest(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


class Progress:
    """How many rows of all layers are kept, and what they took: in a file, for a run that goes on."""

    def __init__(self, path: Path, parts: Sequence[Segments]) -> None:
        self._path, self._parts = path, parts
        told = _read(path)
        # Fewer are there than were told where the machine itself went down: all is done again.
        if any(segments.rows < told.get("rows", 0) for segments in parts):
            told = {}
        self.rows: int = told.get("rows", 0)
        self._before: dict[str, Any] = told.get("seconds", {})
        self._told = False
        for segments in parts:
            segments.forget(self.rows)  # rows beyond, that a run was killed over

    def keep(self, seconds: dict[str, Any]) -> bool:
        """Tell the next run of the rows there are, if none waits; return if it is the first time."""
        if any(segments.waiting for segments in self._parts):
            return False
        first, self._told = not self._told, True
        rows = self._parts[0].rows
        files.write_json(self._path, {"rows": rows, "seconds": self.total(seconds)})
        return first

    def total(self, seconds: dict[str, Any]) -> dict[str, Any]:
        """These, and those of the runs before."""
        return _sum(seconds, self._before) if self._before else seconds


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
