from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from stages.dataset import duplicates, index, pixels
from stages.dataset.duplicates import Pair


def scene(seed: int) -> Image.Image:
    """A picture with large and small shapes, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    field = np.zeros((96, 128))
    for size in (3, 6, 12, 24):
        noise = Image.fromarray(rng.normal(size=(size, size)).astype(np.float32))
        field += np.asarray(noise.resize((128, 96), Image.Resampling.BICUBIC)) * 4 / size**0.5
    return Image.fromarray(np.clip(128 + 40 * field, 0, 255).astype(np.uint8))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Five pictures; the first also copied, made darker, made smaller, and compressed badly."""
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
    for seed in range(5):
        scene(seed).save(tmp_path / "a" / f"{seed}.png")
    first = scene(0)
    (tmp_path / "b" / "same.png").write_bytes((tmp_path / "a" / "0.png").read_bytes())
    ImageEnhance.Brightness(first).enhance(0.7).save(tmp_path / "b" / "darker.png")
    first.resize((64, 48)).save(tmp_path / "b" / "smaller.png")
    first.save(tmp_path / "b" / "worse.jpg", quality=25)
    return tmp_path


def find(images: Path, distance: int) -> dict[tuple[str, str], Pair]:
    keys = index.list_images(images)
    pixels.write(images / "images.h5", images, keys, 64)
    found = duplicates.find(images, pixels.Pixels(images / "images.h5"), distance)
    names = ["/".join(key) for key in keys]
    return {(names[pair.a], names[pair.b]): pair for pair in found}


def test_the_same_file_and_the_same_picture_are_found(images: Path) -> None:
    found = find(images, 64)
    firsts = {"a/0.png", "b/same.png", "b/darker.png", "b/smaller.png", "b/worse.jpg"}
    assert {name for pair in found for name in pair} == firsts
    assert len(found) == 10
    assert [pair for pair, one in found.items() if one.exact] == [("a/0.png", "b/same.png")]
    assert found["a/0.png", "b/same.png"].distance == 0


def test_a_smaller_distance_finds_fewer(images: Path) -> None:
    strict, loose = find(images, 0), find(images, 64)
    assert {pair for pair, one in loose.items() if one.distance == 0} == set(strict)
    assert len(strict) < len(loose)


def test_colour_pictures_are_compared_too(images: Path) -> None:
    scene(7).convert("RGB").save(images / "b" / "colour.png")
    assert ("a/0.png", "b/worse.jpg") in find(images, 64)
    with h5py.File(images / "images.h5") as file:
        assert file["pixels"].shape[1] == 3


def test_distances_are_those_of_every_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_BLOCK", 7)
    hashes = np.random.default_rng(0).random((30, 256)) < 0.5
    expected = {
        (a, b): int((hashes[a] != hashes[b]).sum())
        for a in range(30)
        for b in range(a + 1, 30)
        if (hashes[a] != hashes[b]).sum() <= 125
    }
    assert duplicates.within(hashes, 125) == expected
    assert expected


def test_duplicates_of_duplicates_are_one_group() -> None:
    found = duplicates.groups(6, [Pair(0, 3, True, 0), Pair(3, 5, False, 9)])
    assert found[0] == found[3] == found[5]
    assert len(set(found.tolist())) == 4
    assert len(set(duplicates.groups(4, []).tolist())) == 4


def test_only_test_rows_with_a_duplicate_in_training_are_seen() -> None:
    train = np.array([True, False, True, True, False, False, False])
    pairs = [Pair(0, 1, True, 0), Pair(2, 3, True, 0), Pair(4, 5, False, 8)]
    assert np.flatnonzero(duplicates.seen_in_training(pairs, train)).tolist() == [1]
    assert np.flatnonzero(duplicates.seen_in_training([Pair(1, 2, True, 0)], train)).tolist() == [1]


def test_duplicates_are_read_as_they_were_written(tmp_path: Path) -> None:
    pairs = [Pair(0, 1, True, 0), Pair(0, 2, False, 40)]
    duplicates.write(tmp_path / "pairs.csv", pairs)
    assert duplicates.read(tmp_path / "pairs.csv") == pairs
    keys, train = [("a", "1"), ("a", "2"), ("b", "3")], np.array([True, False, False])
    duplicates.write_table(tmp_path / "table.csv", pairs, keys, train)
    assert (tmp_path / "table.csv").read_text().splitlines()[1:] == [
        "exact,0,0,a,1,train,1,a,2,test",
        "near,40,0,a,1,train,2,b,3,test",
    ]
