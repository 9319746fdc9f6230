import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image, ImageEnhance
from support.pictures import scene
from support.study import ROOT

from stages import download
from stages.dataset import duplicates, index, pixels
from stages.dataset.duplicates import Pair
from stages.dataset.index import Split
from stages.runtime import files
from stages.runtime.params import load_params
from stages.runtime.view import View


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


def find(images: Path, least: float) -> dict[tuple[str, str], Pair]:
    keys = index.list_images(images)
    pixels.write(images / "images.h5", images, keys, View(64))
    found = duplicates.find(images, pixels.Pixels(images / "images.h5"), least)
    names = ["/".join(key) for key in keys]
    return {(names[pair.a], names[pair.b]): pair for pair in found}


def test_the_same_file_and_the_same_picture_are_found(images: Path) -> None:
    found = find(images, 0.6)
    firsts = {"a/0.png", "b/same.png", "b/darker.png", "b/smaller.png", "b/worse.jpg"}
    assert {name for pair in found for name in pair} == firsts
    assert len(found) == 10
    assert [pair for pair, one in found.items() if one.exact] == [("a/0.png", "b/same.png")]
    assert found["a/0.png", "b/same.png"].similarity == 1


def test_a_higher_similarity_finds_fewer(images: Path) -> None:
    strict, loose = find(images, 0.999), find(images, 0.6)
    assert {pair for pair, one in loose.items() if one.similarity >= 0.999} == set(strict)
    assert 1 < len(strict) < len(loose)


def test_equal_files_are_found_whatever_they_show(images: Path) -> None:
    """A constant picture has no structure that could be compared."""
    for name in ("one", "two"):
        Image.new("L", (64, 64), 200).save(images / "b" / f"{name}.png")
    Image.new("L", (64, 64), 90).save(images / "b" / "darker constant.png")
    found = find(images, 0.4)
    assert found["b/one.png", "b/two.png"] == Pair(7, 10, True, 1)
    assert not any("constant" in name for pair in found for name in pair)


def test_colour_pictures_are_compared_too(images: Path) -> None:
    scene(7).convert("RGB").save(images / "b" / "colour.png")
    assert ("a/0.png", "b/worse.jpg") in find(images, 0.6)
    with h5py.File(images / "images.h5") as file:
        assert file["pixels"].shape[1] == 3


@pytest.mark.parametrize("size", [16, 64, 224])
def test_two_pictures_of_any_size(size: int, tmp_path: Path) -> None:
    for label, picture in (("a", scene(0)), ("b", ImageEnhance.Contrast(scene(0)).enhance(0.6))):
        (tmp_path / label).mkdir()
        picture.save(tmp_path / label / "0.png")
    keys = index.list_images(tmp_path)
    pixels.write(tmp_path / "images.h5", tmp_path, keys, View(size))
    (pair,) = duplicates.find(tmp_path, pixels.Pixels(tmp_path / "images.h5"), 0.6)
    assert (pair.a, pair.b, pair.exact) == (0, 1, False)


def test_duplicates_of_duplicates_are_one_group() -> None:
    found = duplicates.groups(6, [Pair(0, 3, True, 1), Pair(3, 5, False, 0.9)])
    assert found[0] == found[3] == found[5]
    assert len(set(found.tolist())) == 4
    assert len(set(duplicates.groups(4, []).tolist())) == 4


def test_only_test_rows_with_a_duplicate_in_training_are_seen() -> None:
    split = Split.complete(np.array([True, False, True, True, False, False, False]))
    pairs = [Pair(0, 1, True, 1), Pair(2, 3, True, 1), Pair(4, 5, False, 0.8)]
    assert np.flatnonzero(duplicates.seen_in_training(pairs, split)).tolist() == [1]
    assert np.flatnonzero(duplicates.seen_in_training([Pair(1, 2, True, 1)], split)).tolist() == [1]


def test_duplicates_are_read_as_they_were_written(tmp_path: Path) -> None:
    pairs = [Pair(0, 1, True, 1), Pair(0, 2, False, 0.6255)]
    duplicates.write(tmp_path / "pairs.csv", pairs)
    assert duplicates.read(tmp_path / "pairs.csv") == pairs
    keys, split = [("a", "1"), ("a", "2"), ("b", "3")], Split.parse(["train", "test", "none"])
    duplicates.write_table(tmp_path / "table.csv", pairs, keys, split)
    assert (tmp_path / "table.csv").read_text().splitlines()[1:] == [
        "exact,1.0000,0,a,1,train,1,a,2,test",
        "near,0.6255,0,a,1,train,2,b,3,none",
    ]


# Shifted or rescaled shots that a perceptual hash of 256 bits misses.
HARD = {
    ("opencountry", 200, 201),
    ("opencountry", 32, 99),
    ("mountain", 44, 284),
    ("mountain", 173, 221),
    ("tallbuilding", 2, 118),
    ("forest", 145, 177),
    ("forest", 137, 185),
    ("coast", 2, 221),
    ("highway", 62, 107),
    ("kitchen", 11, 12),
}


@pytest.mark.real
@pytest.mark.skipif(
    "SCENE15" not in os.environ, reason="set SCENE15=<archive or folder> to try the real images"
)
def test_the_pairs_of_scene15_are_those_judged_to_be_the_same(tmp_path: Path) -> None:
    """Every pair that is found was looked at (benchmarks/duplicates_judged.csv); none is a false one."""
    images, listed = tmp_path / "images", ROOT / "data" / "scene15.csv"
    download.scene15(listed, [], images, os.environ["SCENE15"], tmp_path / "partial")
    keys, params = index.list_images(images), load_params(ROOT / "params.yaml")
    pixels.write(tmp_path / "images.h5", images, keys, View(224))
    least = params["duplicates"]["similarity"]
    pairs = duplicates.find(images, pixels.Pixels(tmp_path / "images.h5"), least)
    found = {(keys[pair.a], keys[pair.b]) for pair in pairs}
    judged = {
        ((line["label"], line["file"]), (line["duplicate_label"], line["duplicate_file"])): line["same"]
        for line in files.read_csv(ROOT / "benchmarks" / "duplicates_judged.csv")
    }
    hard = {tuple((label, f"image_{n:04d}.jpg") for n in pair) for label, *pair in HARD}
    assert hard <= found
    assert {judged.get(pair) for pair in found} == {"yes"}
    assert sum(same == "no" for same in judged.values()) > 100


def test_the_table_of_duplicates_tells_their_splits(tmp_path: Path) -> None:
    keys = [("a", "0.jpg"), ("a", "1.jpg"), ("b", "9.jpg")]
    pairs = [duplicates.Pair(0, 2, False, 0.625)]
    split = Split.parse(["train", "none", "test"])
    duplicates.write_table(tmp_path / "table.csv", pairs, keys, split)
    assert (tmp_path / "table.csv").read_text().splitlines() == [
        "kind,similarity,row,label,file,split,duplicate_row,duplicate_label,duplicate_file,duplicate_split",
        "near,0.6250,0,a,0.jpg,train,2,b,9.jpg,test",
    ]
