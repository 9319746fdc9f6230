import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from stages.sources import archive

FILES = {"a/one.jpg": b"one", "b c/två.jpg": b"two", "../../escape.jpg": b"out", "/abs.jpg": b"abs"}


def make(kind: str, folder: Path) -> Path:
    path = folder / f"copy.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in FILES.items():
                zipped.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as tar:
            for name, content in FILES.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            link = tarfile.TarInfo("link.jpg")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
    return path


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_members_are_the_regular_files_and_nothing_else(kind: str, tmp_path: Path) -> None:
    found = {m.name: (m.size, m.read()) for m in archive.members(make(kind, tmp_path))}
    assert {content for _, content in found.values()} == set(FILES.values())
    assert all(size == len(content) for size, content in found.values())
    assert [path.name for path in tmp_path.iterdir()] == [f"copy.{kind}"]  # nothing was unpacked


def test_a_folder_is_read_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "x" / "y" / "1.jpg").write_bytes(b"1")
    (tmp_path / "2").write_bytes(b"22")
    assert [(m.size, m.read()) for m in archive.members(tmp_path)] == [(2, b"22"), (1, b"1")]


@pytest.mark.parametrize(
    ("kind", "reason"),
    # The list of a zip's members stands at its end.
    [("zip", "cut off: a zip archive without its end"), ("tar.gz", "cut off or damaged")],
)
def test_a_truncated_archive_is_refused(kind: str, reason: str, tmp_path: Path) -> None:
    path = make(kind, tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(archive.ArchiveError, match=reason):
        [m.read() for m in archive.members(path)]


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "copy.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("a", b"content")
    path.write_bytes(path.read_bytes().replace(b"content", b"contenT"))
    with pytest.raises(archive.ArchiveError, match="damaged: Bad CRC"):
        [m.read() for m in archive.members(path)]


def test_an_error_page_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "copy.zip").write_text("<html>Not found</html>")
    with pytest.raises(archive.ArchiveError, match="error page"):
        list(archive.members(tmp_path / "copy.zip"))


def test_a_missing_source_is_told(tmp_path: Path) -> None:
    with pytest.raises(archive.ArchiveError, match="nothing is there"):
        list(archive.members(tmp_path / "copy.zip"))
