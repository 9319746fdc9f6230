"""The files in a folder, a zip or a tar archive, whatever they are called, one at a time."""

import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# An archive with more than 15 Scene in it is searched, but not one without end.
MOST_MEMBERS, MOST_LISTED = 200_000, 2**25  # the second: bytes of a zip's list of members


class ArchiveError(Exception):
    """What cannot be read as a folder or an archive; its text is the reason."""


@dataclass(frozen=True)
class Member:
    """One regular file: the name it has there, its size, and a way to read exactly that many bytes."""

    name: str
    size: int
    read: Callable[[], bytes]


def members(path: Path) -> Iterator[Member]:
    """Yield the regular files of a folder or archive; links are passed over.

    A member must be read before the next one is asked for.

    Raises
    ------
    ArchiveError
        if `path` does not exist, is neither folder nor archive, or is damaged or encrypted.
    """
    if not path.exists():
        raise ArchiveError("nothing is there")
    with _damage_told():
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


def _bounded(found: Iterator[Member]) -> Iterator[Member]:
    for number, member in enumerate(found):
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
                    with _damage_told(), archive.open(info) as file:
                        return file.read(info.file_size)

                yield Member(info.filename, info.file_size, read)


def _tar(path: Path) -> Iterator[Member]:
    with tarfile.open(path) as archive:
        while info := archive.next():
            archive.members.clear()  # type: ignore[attr-defined]  # or it would keep all of them
            if info.isfile():

                def read(info: tarfile.TarInfo = info) -> bytes:
                    with _damage_told():
                        file = archive.extractfile(info)
                        return file.read() if file else b""

                yield Member(info.name, info.size, read)


def _begins_as_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _refuse_long(path: Path) -> None:
    """Refuse a zip whose list of members is too long: to open it is to read it whole into memory."""
    with path.open("rb") as file:
        # The record that ZipFile will read, found the way it will be found.
        record = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    listed = record[5] if record else 0
    if listed > MOST_LISTED:
        raise ArchiveError(f"a list of members of {listed:,} bytes, where {MOST_LISTED:,} are the most")


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise ArchiveError(f"cut off or damaged: {error}") from error
    except (RuntimeError, NotImplementedError) as error:  # how zipfile asks for a password
        raise ArchiveError(f"encrypted, or packed in an unusual way: {error}") from error
