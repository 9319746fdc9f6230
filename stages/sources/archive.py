"""Reads the files of a folder, a zip archive or a tar archive, one at a time."""

import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# An archive may hold more than 15 Scene, up to these limits.
MOST_MEMBERS = 200_000
MOST_LISTED = 2**25  # bytes of a zip's central directory


class ArchiveError(Exception):
    """A folder or archive cannot be read; the text is the reason."""


@dataclass(frozen=True)
class Member:
    """One regular file: its name in the archive, its size in bytes, and a function that reads them."""

    name: str
    size: int
    read: Callable[[], bytes]


def members(path: Path) -> Iterator[Member]:
    """Yield the regular files of a folder or archive, no links. Read a member before the next one.

    Raises `ArchiveError` if `path` is missing, damaged, encrypted, or neither a folder nor an archive.
    """
    if not path.exists():
        raise ArchiveError("nothing is there")
    with _reporting_damage():
        if path.is_dir():
            yield from _folder(path)
        elif zipfile.is_zipfile(path):
            _refuse_long(path)
            yield from _bounded(_zip(path))
        elif tarfile.is_tarfile(path):
            yield from _bounded(_tar(path))
        elif _begins_as_zip(path):
            raise ArchiveError("cut off: a zip archive without its end")
        else:
            raise ArchiveError("neither a folder nor a zip or tar archive; perhaps an error page")


def _bounded(archived: Iterator[Member]) -> Iterator[Member]:
    for number, member in enumerate(archived):
        if number == MOST_MEMBERS:
            raise ArchiveError(f"more than {MOST_MEMBERS:,} members")
        yield member


def _folder(path: Path) -> Iterator[Member]:
    for parent, folders, files in os.walk(path):
        folders.sort()
        for name in sorted(files):
            file = Path(parent, name)
            if file.is_file():
                yield Member(str(file), file.stat().st_size, file.read_bytes)


def _zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():

                def read(info: zipfile.ZipInfo = info) -> bytes:
                    with _reporting_damage(), archive.open(info) as file:
                        return file.read(info.file_size)

                yield Member(info.filename, info.file_size, read)


def _tar(path: Path) -> Iterator[Member]:
    with tarfile.open(path) as archive:
        while info := archive.next():
            archive.members.clear()  # type: ignore[attr-defined]  # frees the list of members read so far
            if info.isfile():

                def read(info: tarfile.TarInfo = info) -> bytes:
                    with _reporting_damage():
                        file = archive.extractfile(info)
                        return file.read() if file else b""

                yield Member(info.name, info.size, read)


def _begins_as_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _refuse_long(path: Path) -> None:
    """Refuse a zip with a huge central directory: `ZipFile` reads all of it into memory."""
    with path.open("rb") as file:
        # The function by which ZipFile finds its record.
        record = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    listed = record[5] if record else 0
    if listed > MOST_LISTED:
        raise ArchiveError(f"a list of members of {listed:,} bytes; the limit is {MOST_LISTED:,}")


@contextmanager
def _reporting_damage() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise ArchiveError(f"cut off or damaged: {error}") from error
    except (RuntimeError, NotImplementedError) as error:  # zipfile without a password
        raise ArchiveError(f"encrypted, or packed in an unusual way: {error}") from error
