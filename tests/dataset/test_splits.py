from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.dataset import splits
from stages.runtime.errors import StageError

KEYS = [(label, f"{i:02}.png") for label in ("coast", "forest") for i in range(9)]
ALONE = np.arange(len(KEYS))


def counts(train: np.ndarray) -> dict[str, int]:  # type: ignore[type-arg]
    return dict(Counter(label for (label, _), one in zip(KEYS, train, strict=True) if one))


@pytest.mark.parametrize("per_class", range(1, 9))
def test_a_split_has_the_counts_it_claims(per_class: int) -> None:
    train = splits.draw(KEYS, ALONE, train_per_class=per_class, seed=[1])
    assert counts(train) == {"coast": per_class, "forest": per_class}
    assert train.shape == (len(KEYS),)


def test_a_split_obeys_its_seed() -> None:
    one, same, other, number = (
        splits.draw(KEYS, ALONE, train_per_class=4, seed=seed) for seed in ([1], [1], [2], [1, 1])
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one, number)


def test_every_image_is_as_likely_to_train() -> None:
    masks = [splits.draw(KEYS, ALONE, train_per_class=3, seed=[0, i]) for i in range(2000)]
    # Binomial with p = 1/3: a standard deviation of 0.0105; five of them.
    assert np.abs(np.mean(masks, axis=0) - 1 / 3).max() < 0.053


@settings(max_examples=200)
@given(st.lists(st.integers(0, 11), min_size=18, max_size=18), st.integers(0, 99), st.integers(1, 5))
def test_groups_stay_together_and_the_counts_hold(groups: list[int], seed: int, per_class: int) -> None:
    together = np.array(groups)
    try:
        train = splits.draw(KEYS, together, train_per_class=per_class, seed=[seed])
    except StageError as error:
        assert "duplicates kept together" in str(error)
        return
    assert counts(train) == {"coast": per_class, "forest": per_class}
    assert all(len(set(train[together == group])) == 1 for group in set(groups))


def test_groups_across_labels_stay_together() -> None:
    """As in 15 Scene, where one picture is there under two labels."""
    groups = ALONE.copy()
    groups[9] = 0
    for seed in range(20):
        train = splits.draw(KEYS, groups, train_per_class=4, seed=[seed])
        assert train[0] == train[9]
        assert counts(train) == {"coast": 4, "forest": 4}


def test_classes_that_are_too_small_are_named() -> None:
    keys = [*KEYS, ("street", "1.png")]
    with pytest.raises(StageError, match=r"at least 3 images of each class .* found 1 of street\."):
        splits.draw(keys, np.arange(19), train_per_class=2, seed=[0])
    with pytest.raises(StageError, match=r"at least 10 images .* found 9 of coast, 9 of forest\."):
        splits.draw(KEYS, ALONE, train_per_class=9, seed=[0])


def test_groups_that_cannot_be_divided_are_told() -> None:
    groups = np.where(ALONE < 9, 0, ALONE)
    with pytest.raises(StageError, match=r"found 0 of coast\..*group_duplicates: false"):
        splits.draw(KEYS, groups, train_per_class=4, seed=[0])


def test_splits_are_read_as_they_were_written(tmp_path: Path) -> None:
    masks = np.array([splits.draw(KEYS, ALONE, train_per_class=4, seed=[i]) for i in range(3)])
    splits.write(tmp_path / "splits.csv", masks)
    assert np.array_equal(splits.read(tmp_path / "splits.csv"), masks)
    assert (tmp_path / "splits.csv").read_text().splitlines()[0] == "row,1,2,3"


def test_the_digest_tells_splits_apart() -> None:
    masks = np.array([splits.draw(KEYS, ALONE, train_per_class=4, seed=[i]) for i in range(3)])
    assert splits.digest(masks) == splits.digest(masks.copy())
    assert len({splits.digest(some) for some in (masks, masks[::-1], masks[:2], masks[0])}) == 4
