import hashlib
from collections import Counter
from pathlib import Path

import pytest
from support.study import ROOT

from stages.runtime.errors import StageError
from stages.sources import archive, manifest


def entry(label: str, file: str, content: bytes) -> manifest.Entry:
    return manifest.Entry(label, file, "train", len(content), hashlib.sha256(content).hexdigest())


ENTRIES = [
    entry("coast", "1.jpg", b"sea"),
    entry("coast", "2.jpg", b"sea"),
    entry("street", "1.jpg", b"car"),
]


def test_each_known_image_goes_to_every_place_listed_for_it(tmp_path: Path) -> None:
    source, images = tmp_path / "source", tmp_path / "images"
    (source / "any").mkdir(parents=True)
    (source / "any" / "name.bin").write_bytes(b"sea")
    (source / "unknown.jpg").write_bytes(b"sky")
    (source / "car").write_bytes(b"car")
    manifest.place(archive.members(source), ENTRIES, images)
    found = {str(p.relative_to(images)): p.read_bytes() for p in images.rglob("*.jpg")}
    assert found == {"coast/1.jpg": b"sea", "coast/2.jpg": b"sea", "street/1.jpg": b"car"}
    assert manifest.missing(ENTRIES, images) == ""


def test_members_of_another_size_are_not_read(tmp_path: Path) -> None:
    def read() -> bytes:
        raise AssertionError("read")

    manifest.place([archive.Member("bomb", 10**12, read)], ENTRIES, tmp_path)


def test_missing_images_are_counted_by_class(tmp_path: Path) -> None:
    assert manifest.missing(ENTRIES, tmp_path) == "3 of 3 images (coast 2, street 1)"


def test_the_published_split() -> None:
    entries = manifest.read(ROOT / "data" / "scene15.csv")
    assert len(entries) == 4485
    train = Counter(e.label for e in entries if e.split == "train")
    assert set(train.values()) == {100}
    assert len(train) == 15
    assert sum(e.split == "test" for e in entries) == 2985
    twice = [count for count in Counter(e.sha256 for e in entries).values() if count > 1]
    assert twice == [2] * 18


def test_an_edited_manifest_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("label,file\na,b\n")
    with pytest.raises(StageError, match="columns label, file, split, bytes, sha256"):
        manifest.read(tmp_path / "m.csv")
