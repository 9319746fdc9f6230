import hashlib
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.dataset import splits
from stages.dataset.index import Split
from stages.runtime.errors import StageError

KEYS = [(label, f"{i:02}.png") for label in ("coast", "forest") for i in range(9)]
ALONE = np.arange(len(KEYS))


def counts(split: Split, side: str = "train") -> dict[str, int]:
    return dict(Counter(label for (label, _), one in zip(KEYS, split.sides, strict=True) if one == side))


@pytest.mark.parametrize("per_class", range(1, 9))
def test_a_split_has_the_counts_it_claims(per_class: int) -> None:
    split = splits.draw(KEYS, ALONE, train_per_class=per_class, seed=[1])
    assert counts(split) == {"coast": per_class, "forest": per_class}
    assert counts(split, "test") == {"coast": 9 - per_class, "forest": 9 - per_class}


def test_a_split_obeys_its_seed() -> None:
    one, same, other, number = (
        splits.draw(KEYS, ALONE, train_per_class=4, seed=seed).train for seed in ([1], [1], [2], [1, 1])
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, number)


def test_every_image_is_as_likely_to_train() -> None:
    masks = [splits.draw(KEYS, ALONE, train_per_class=3, seed=[0, i]).train for i in range(2000)]
    # Binomial with p = 1/3: a standard deviation of 0.0105; five of them.
    assert np.abs(np.mean(masks, axis=0) - 1 / 3).max() < 0.053


@settings(max_examples=200)
@given(st.lists(st.integers(0, 11), min_size=18, max_size=18), st.integers(0, 99), st.integers(1, 5))
def test_groups_stay_together_and_the_counts_hold(groups: list[int], seed: int, per_class: int) -> None:
    together = np.array(groups)
    try:
        split = splits.draw(KEYS, together, train_per_class=per_class, seed=[seed])
    except StageError as error:
        assert "duplicates kept together" in str(error)
        return
    assert counts(split) == {"coast": per_class, "forest": per_class}
    assert all(len(set(split.train[together == group])) == 1 for group in set(groups))


def test_groups_across_labels_stay_together() -> None:
    """As in 15 Scene, where one picture is there under two labels."""
    groups = ALONE.copy()
    groups[9] = 0
    for seed in range(20):
        split = splits.draw(KEYS, groups, train_per_class=4, seed=[seed])
        assert split.train[0] == split.train[9]
        assert counts(split) == {"coast": 4, "forest": 4}


def test_classes_that_are_too_small_are_named() -> None:
    keys = [*KEYS, ("street", "1.png")]
    with pytest.raises(StageError, match=r"at least 3 images of each class .* found 1 of street\."):
        splits.draw(keys, np.arange(19), train_per_class=2, seed=[0])
    with pytest.raises(StageError, match=r"at least 10 images .* found 9 of coast, 9 of forest\."):
        splits.draw(KEYS, ALONE, train_per_class=9, seed=[0])


def test_the_ways_out_for_small_classes_are_told() -> None:
    with pytest.raises(
        StageError, match=r"at least 11 .*make it a share such as 0\.5; or lower splits\.test"
    ):
        splits.draw(KEYS, ALONE, train_per_class=8, test_per_class=3, seed=[0])
    with pytest.raises(StageError, match=r"\(the share 0\.9 to train, 2 to test\).* or make it all"):
        splits.draw(KEYS, ALONE, train_per_class=0.9, test_per_class=2, seed=[0])
    alone = [*KEYS, *((f"class{i:02}", "1.png") for i in range(15))]
    with pytest.raises(StageError, match=r"found 1 of class00, .*, 1 of class11 and 3 more\."):
        splits.draw(alone, np.arange(len(alone)), train_per_class=0.5, seed=[0])


def test_groups_that_cannot_be_divided_are_told() -> None:
    groups = np.where(ALONE < 9, 0, ALONE)
    with pytest.raises(StageError, match=r"found 0 of coast\..*group_duplicates: false"):
        splits.draw(KEYS, groups, train_per_class=4, seed=[0])


def test_test_images_are_counted_too() -> None:
    """They are other test images of the same training images."""
    whole, some = (
        splits.draw(KEYS, ALONE, train_per_class=4, test_per_class=count, seed=[1])
        for count in ("all", 3)
    )
    assert np.array_equal(some.train, whole.train)
    assert counts(some, "test") == {"coast": 3, "forest": 3}
    assert counts(some, "none") == {"coast": 2, "forest": 2}
    assert not (some.test & some.train).any()


def test_every_image_is_as_likely_to_test() -> None:
    drawn = partial(splits.draw, KEYS, ALONE, train_per_class=3, test_per_class=3)
    masks = [drawn(seed=[0, i]).test for i in range(2000)]
    assert np.abs(np.mean(masks, axis=0) - 1 / 3).max() < 0.053  # as above


@pytest.mark.parametrize(
    ("share", "few", "many"), [(0.5, 1, 5), (0.9, 1, 8), (0.99, 1, 8), (0.01, 1, 1), (0.34, 1, 3)]
)
def test_a_share_leaves_something_to_test(share: float, few: int, many: int) -> None:
    """Of nine images and of two: rounded, and both sides have one or more."""
    keys = KEYS[:11]
    split = splits.draw(keys, np.arange(11), train_per_class=share, seed=[0])
    assert (int(split.train[:9].sum()), int(split.train[9:].sum())) == (many, few)
    assert np.array_equal(split.test, ~split.train)


def test_splits_are_read_as_they_were_written(tmp_path: Path) -> None:
    some = partial(splits.draw, KEYS, ALONE, train_per_class=4, test_per_class=2)
    written = [some(seed=[i]) for i in range(3)]
    splits.write(tmp_path / "splits.csv", written)
    assert [one.sides for one in splits.read(tmp_path / "splits.csv")] == [one.sides for one in written]
    assert (tmp_path / "splits.csv").read_text().splitlines()[0] == "row,1,2,3"


def test_the_digest_tells_splits_apart() -> None:
    one, two = (splits.draw(KEYS, ALONE, train_per_class=4, seed=[i]) for i in range(2))
    fewer, none = (Split(one.train, one.test & mask) for mask in (ALONE > 8, ALONE < 0))
    every = [[one, two], [two, one], [one], [two], [fewer], [none], [one, fewer], [fewer, one]]
    assert len({splits.digest(some) for some in every}) == len(every)
    assert splits.digest([one]) == splits.digest([Split.parse(one.sides)])


def test_the_digest_of_complete_splits_is_that_of_their_training_rows() -> None:
    """So results that were made before rows could be in neither part stay valid."""
    made = [splits.draw(KEYS, ALONE, train_per_class=4, seed=[i]) for i in range(3)]
    packed = np.packbits([one.train for one in made], axis=-1).tobytes()
    assert splits.digest(made) == hashlib.sha256(packed).hexdigest()[:16]


def test_classes_without_images_on_a_side_are_named() -> None:
    sides = ["train", "test"] + ["none"] * 7
    full, no_training = Split.parse(sides * 2), Split.parse(sides + ["test"] * 9)
    no_test, nothing = Split.parse(sides + ["train"] * 9), Split.parse(["train"] * 18)
    splits.refuse_empty(KEYS, full, "x", headline=True)
    splits.refuse_empty(KEYS, no_test, "x", headline=False)
    with pytest.raises(StageError, match=r"2 classes that train in split x; found none of forest\."):
        splits.refuse_empty(KEYS, no_training, "split x", headline=False)
    with pytest.raises(StageError, match=r"2 classes that test in split x; found none of forest\."):
        splits.refuse_empty(KEYS, no_test, "split x", headline=True)
    with pytest.raises(StageError, match=r"that test in split x; found none of coast, forest\."):
        splits.refuse_empty(KEYS, nothing, "split x", headline=False)
