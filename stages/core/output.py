"""A file or folder appears under its final name whole, or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
def _beside(path: Path) -> Iterator[Path]:
    # On the same file system as the target, so that the last move is a rename.
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
