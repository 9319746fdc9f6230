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
            yield from _zip(path)
        elif tarfile.is_tarfile(path):
            yield from _tar(path)
        else:
            raise ArchiveError("neither a folder nor a zip or tar archive; perhaps an error page")


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
        for info in archive:
            if info.isfile():

                def read(info: tarfile.TarInfo = info) -> bytes:
                    with _damage_told():
                        file = archive.extractfile(info)
                        return file.read() if file else b""

                yield Member(info.name, info.size, read)


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise ArchiveError(f"cut off or damaged: {error}") from error
    except (RuntimeError, NotImplementedError) as error:  # how zipfile asks for a password
        raise ArchiveError(f"encrypted, or packed in an unusual way: {error}") from error
