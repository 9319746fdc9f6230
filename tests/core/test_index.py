from pathlib import Path

import numpy as np
import pytest

from stages.core import index
from stages.core.command import StageError

KEYS = [(label, f"{i:02}.png") for label in ("coast", "forest") for i in range(9)]


def test_images_come_in_row_order(tmp_path: Path) -> None:
    for name in ("b/2.png", "a/10.png", "a/9.png", "b/.hidden", ".x/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loose.txt").touch()
    assert index.list_images(tmp_path) == [("a", "10.png"), ("a", "9.png"), ("b", "2.png")]


def test_a_split_has_the_counts_it_claims_and_obeys_its_seed() -> None:
    train = index.random_split(KEYS, 4, seed=1)
    assert train[:9].sum() == train[9:].sum() == 4
    assert np.array_equal(train, index.random_split(KEYS, 4, seed=1))
    assert not np.array_equal(train, index.random_split(KEYS, 4, seed=2))


def test_a_class_that_is_too_small_is_named() -> None:
    with pytest.raises(StageError, match="at least 10 images of each class .* found 9 of coast"):
        index.random_split(KEYS, 9, seed=0)


def test_written_and_read(tmp_path: Path) -> None:
    images = index.Index(KEYS, index.random_split(KEYS, 4, seed=0))
    index.write(tmp_path / "index.csv", images)
    again = index.read(tmp_path / "index.csv")
    assert again.keys == images.keys
    assert np.array_equal(again.train, images.train)
    assert images.classes == ["coast", "forest"]
    assert images.y.tolist() == [0] * 9 + [1] * 9


def test_the_digest_tells_orders_apart() -> None:
    assert index.digest(KEYS) != index.digest(KEYS[::-1])
    assert index.digest(KEYS) == index.digest(list(KEYS))
