"""Hostile archives as the source of 15 Scene: nothing outside the folder, bounded memory and disk."""

import hashlib
import io
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults.conftest import peak_bytes

WANTED = b"the sea" * 100
MOST_MEMORY = 400 * 2**20


def zipped(path: Path, contents: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def outside(path: Path) -> None:
    zipped(path, {"/tmp/escaped.jpg": WANTED, "../../escaped.jpg": WANTED, "a\\..\\b.jpg": WANTED})


def links(path: Path) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            link = tarfile.TarInfo("link")
            link.type, link.linkname = kind, "/etc/passwd"
            tar.addfile(link)
        whole = tarfile.TarInfo("link/../../x.jpg")
        whole.size = len(WANTED)
        tar.addfile(whole, io.BytesIO(WANTED))


def bomb(path: Path) -> None:
    """A gigabyte in a megabyte, beside what is wanted."""
    zipped(path, {"bomb": bytes(2**30), "x.jpg": WANTED})


def lying_bomb(path: Path) -> None:
    """A gigabyte that claims to be of a size that is wanted."""
    zipped(path, {"bomb": bytes(2**30), "x.jpg": WANTED})
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<L", 2**30), struct.pack("<L", len(WANTED))))


def tar_bomb(path: Path) -> None:
    class Zeros(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return bytes(size)

    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        info = tarfile.TarInfo("bomb")
        info.size = 2**30
        tar.addfile(info, Zeros())
        info = tarfile.TarInfo("x.jpg")
        info.size = len(WANTED)
        tar.addfile(info, io.BytesIO(WANTED))


HARMLESS = {
    "outside": outside,
    "links": links,
    "bomb": bomb,
    "tar bomb": tar_bomb,
}


def truncated(path: Path) -> None:
    zipped(path, {"x.jpg": WANTED, "y.jpg": bytes(10_000)}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes()[:-3000])


def encrypted(path: Path) -> None:
    """As any packer writes it: the flag alone makes zipfile ask for a password."""
    zipped(path, {"x.jpg": WANTED}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)


def nested(path: Path) -> None:
    inner = path.with_name("inner.zip")
    zipped(inner, {"x.jpg": WANTED})
    zipped(path, {"inner.zip": inner.read_bytes()})


def page(path: Path) -> None:
    path.write_text("<html>Not found</html>")


def many(path: Path) -> None:
    """Two million empty members: a list of 100 MB, written by hand."""
    count = 2_000_000
    with path.open("wb") as file:
        for number in range(count):
            name = b"%07d" % number
            file.write(struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name)
        start = file.tell()
        for number in range(count):
            name = b"%07d" % number
            head = struct.pack(
                "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 37 * number
            )
            file.write(head + name)
        size = file.tell() - start
        file.write(struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start))
        file.write(struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1))
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))


def many_in_tar(path: Path) -> None:
    header = tarfile.TarInfo("x").tobuf()
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for _ in range(2_000):
            tar.fileobj.write(header * 1_000)  # type: ignore[union-attr]


REFUSED = {
    "truncated": (truncated, "cut off"),
    "lying bomb": (lying_bomb, "cut off or damaged"),
    "encrypted": (encrypted, "encrypted"),
    "nested": (nested, "1 of 1 images .* missing; it holds archives itself: unpack inner.zip"),
    "an error page": (page, "neither a folder nor a zip"),
    "two million members": (many, "a list of members of|more than 200,000 members"),
    "two million in a tar": (many_in_tar, "more than 200,000 members"),
}  # fmt: skip


def download(folder: Path, study_in: Any, source: Path) -> tuple[int, str]:
    work = folder / "work"
    work.mkdir()
    study_in(work, data={"source": "scene15"})
    line = f"coast,1.jpg,train,{len(WANTED)},{hashlib.sha256(WANTED).hexdigest()}"
    (work / "data").mkdir()
    (work / "data" / "scene15.csv").write_text(f"label,file,split,bytes,sha256\n{line}\n")
    before = tree(folder)
    peak, said = peak_bytes(work, "stages.download", SCENE15=str(source))
    assert "Traceback" not in said
    # Nothing anywhere but the one image.
    assert tree(folder) - before <= {
        "work/data/images",
        "work/data/images/coast",
        "work/data/images/coast/1.jpg",
    }
    assert not Path("/tmp/escaped.jpg").exists()
    return peak, said


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_is_wanted_is_found_and_nothing_else_happens(
    kind: str, tmp_path: Path, study_in: Any
) -> None:
    HARMLESS[kind](tmp_path / "source")
    peak, said = download(tmp_path, study_in, tmp_path / "source")
    assert (tmp_path / "work/data/images/coast/1.jpg").read_bytes() == WANTED, said
    assert peak < MOST_MEMORY


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_is_named(kind: str, tmp_path: Path, study_in: Any) -> None:
    make: Callable[[Path], None]
    make, reason = REFUSED[kind]
    make(tmp_path / "source")
    peak, said = download(tmp_path, study_in, tmp_path / "source")
    assert "no complete source" in said
    assert re.search(reason, said), said
    assert peak < MOST_MEMORY
