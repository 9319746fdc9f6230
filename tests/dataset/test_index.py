from pathlib import Path

import numpy as np

from stages.dataset import index

KEYS = [(label, f"{i:02}.png") for label in ("coast", "forest") for i in range(9)]


def test_images_come_in_row_order(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/10.png", "a/9.png", "b/.hidden", ".x/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loose.txt").touch()
    assert index.list_images(tmp_path) == [("a", "10.png"), ("a", "9.png"), ("b", "2.png")]


def test_folders_inside_a_class_are_a_split(tmp_path: Path) -> None:
    for name in ("a/train/1.png", "a/test/1.png", "b/train/2.png", "b/test/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    keys = index.list_images(tmp_path)
    assert keys == [("a", "test/1.png"), ("a", "train/1.png"), ("b", "train/2.png")]
    split = index.split_of_folders(keys)
    assert split is not None
    assert split.sides == ["test", "train", "train"]
    assert index.split_of_folders(KEYS) is None


def test_an_index_is_read_as_it_was_written(tmp_path: Path) -> None:
    sides = ["train", "test", "none"] * 6
    images = index.Index(KEYS, index.Split.parse(sides))
    index.write(tmp_path / "index.csv", images)
    again = index.read(tmp_path / "index.csv")
    assert again.keys == images.keys
    assert again.split.sides == sides
    assert np.flatnonzero(again.train).tolist() == [*range(0, 18, 3)]
    assert np.flatnonzero(again.test).tolist() == [*range(1, 18, 3)]
    assert images.classes == ["coast", "forest"]
    assert images.y.tolist() == [0] * 9 + [1] * 9


def test_the_digest_tells_orders_apart() -> None:
    assert index.digest(KEYS) != index.digest(KEYS[::-1])
    assert index.digest(KEYS) == index.digest(list(KEYS))
