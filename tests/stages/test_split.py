from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.study import dump

from stages import split
from stages.dataset import duplicates, index, pixels, splits
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths
from stages.runtime.view import View


def made(pairs: list[duplicates.Pair], second: int = 10) -> None:
    """Write the pixels of ten images of a class and `second` of another, and pairs of duplicates."""
    paths = Paths()
    keys = [("a", f"{i}.jpg") for i in range(10)] + [("b", f"{i}.jpg") for i in range(second)]
    for label, file in keys:
        (paths.images / label).mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(paths.images / label / file)
    pixels.write(paths.pixels("square64"), paths.images, keys, View(4))
    duplicates.write(paths.duplicates, pairs)


def write_manifest() -> None:
    lines = ["label,file,split,bytes,sha256"]
    lines += [f"{label},{i}.jpg,{'train' if i < 6 else 'test'},1,x" for label in "ab" for i in range(10)]
    Paths().manifest.parent.mkdir(exist_ok=True)
    Paths().manifest.write_text("\n".join(lines) + "\n")


def test_split_keeps_the_published_split_and_draws_others(small: dict[str, Any], study: Any) -> None:
    small["data"]["source"] = "scene15"
    study(small)
    made([])
    write_manifest()
    split.main(paths=Paths())
    images = index.read(Paths().index)
    assert images.keys == pixels.Pixels(Paths().pixels("square64")).keys
    assert np.flatnonzero(images.train).tolist() == [*range(6), *range(10, 16)]
    random = splits.read(Paths().random_splits)
    masks = np.array([one.train for one in random])
    assert masks.shape == (2, 20)
    assert all(np.array_equal(one.test, ~one.train) for one in (images.split, *random))
    assert masks[:, :10].sum(axis=1).tolist() == masks[:, 10:].sum(axis=1).tolist() == [6, 6]
    assert len({mask.tobytes() for mask in (images.train, *masks)}) == 3
    # More random splits leave the first ones as they are.
    small["splits"]["random"] = 5
    study(small)
    split.main(paths=Paths())
    again = [one.train for one in splits.read(Paths().random_splits)]
    assert len(again) == 5
    assert np.array_equal(again[:2], masks)


def test_the_seed_moves_every_split_but_the_published(small: dict[str, Any], study: Any) -> None:
    written = {}
    for source, seed in (("scene15", 0), ("scene15", 1), ("folder", 0), ("folder", 1)):
        small["data"]["source"], small["splits"]["seed"] = source, seed
        study(small)
        made([])
        write_manifest()
        split.main(paths=Paths())
        written[source, seed] = Paths().index.read_text(), Paths().random_splits.read_text()
    assert written["scene15", 0][0] == written["scene15", 1][0]
    assert written["folder", 0][0] != written["folder", 1][0]
    assert written["scene15", 0][1] != written["scene15", 1][1]


def test_duplicates_stay_on_one_side_if_asked_to(small: dict[str, Any], study: Any) -> None:
    pairs = [duplicates.Pair(i, 10 + i, True, 1) for i in range(10)]
    split_pairs = {}
    for group in (False, True):
        small["splits"].update(group_duplicates=group, random=6)
        study(small)
        made(pairs)
        split.main(paths=Paths())
        every = [index.read(Paths().index).split, *splits.read(Paths().random_splits)]
        masks = [one.train for one in every]
        split_pairs[group] = sum(int(mask[pair.a] != mask[pair.b]) for mask in masks for pair in pairs)
    assert split_pairs[True] == 0
    assert split_pairs[False] > 0


@pytest.mark.usefixtures("folder")
def test_a_class_that_is_too_small_is_named() -> None:
    made([], second=4)
    with pytest.raises(StageError, match="at least 7 images of each class .* found 4 of b"):
        split.main(paths=Paths())
    assert not Paths().index.exists()


@pytest.fixture
def own(small: dict[str, Any], study: Any) -> Any:
    """Return a function that splits 20 images as a file says: each column is a text of t, e and -."""

    def call(*columns: str, listed: int = 20) -> tuple[index.Index, list[index.Split]]:
        small["splits"]["file"] = "data/own/splits/own.csv"
        study(small)
        made([])
        write_manifest()
        words = {"t": "train", "e": "test", "-": ""}
        lines = [f"file,{','.join(f's{number}' for number in range(len(columns)))}"]
        keys = pixels.Pixels(Paths().pixels("square64")).keys
        for (label, file), *cells in list(zip(keys, *columns, strict=True))[:listed]:
            lines.append(f"{label}/{file},{','.join(words[cell] for cell in cells)}")
        path = Path(small["splits"]["file"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))
        split.main(paths=Paths())
        return index.read(Paths().index), splits.read(Paths().random_splits)

    return call


@pytest.mark.parametrize("source", ["scene15", "folder"])
def test_one_column_of_the_users_own_is_the_headline_split(
    source: str, own: Any, small: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    small["data"]["source"] = source
    images, random = own("tteee-----" * 2)
    assert images.split.sides == (["train"] * 2 + ["test"] * 3 + ["none"] * 5) * 2
    # Drawn as without a file, over all images.
    small["splits"]["file"] = None
    dump(small, Path("params.yaml"))
    split.main(paths=Paths())
    again = splits.read(Paths().random_splits)
    assert [one.sides for one in random] == [one.sides for one in again]
    assert random[0].sides.count("train") == 12
    assert capsys.readouterr().out == ""


def test_several_columns_take_the_place_of_the_random_splits(
    own: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = ["tteee-----" * 2, "eettt-----" * 2, "e---t----t" * 2, "ttttttttte" * 2]
    images, others = own(*columns, listed=18)
    assert images.train.sum() == 4
    assert len(others) == 3
    assert others[0].sides == (["test"] * 2 + ["train"] * 3 + ["none"] * 5) * 2
    said = capsys.readouterr().out
    assert "own.csv does not list 2 of 20 images, such as b/8.jpg: they neither train nor test" in said


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            ["te" * 5 + "e" * 10],
            r"that train in the split s0 of .*/own\.csv; found none of b",
        ),
        (["te" * 5 + "t" * 10], r"that test in the split s0 of .*found none of b\."),
        (["te" * 10, "te" * 10, "e" * 10 + "t" * 10], r"that train in the split s2 of .* none of a\."),
    ],
)
def test_a_class_without_images_on_a_side_is_named(columns: list[str], message: str, own: Any) -> None:
    with pytest.raises(StageError, match=message):
        own(*columns)
    assert not Paths().index.exists()


def test_folders_train_and_test_are_the_headline_split(small: dict[str, Any], study: Any) -> None:
    small["data"]["source"] = "folder"
    small["splits"] |= {"train_per_class": 0.5, "test_per_class": 2}
    study(small)
    files = [f"{side}/{number}.png" for side in ("test", "train") for number in range(4)]
    keys = [(label, file) for label in "ab" for file in files]
    for label, file in keys:
        (Paths().images / label / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(Paths().images / label / file)
    assert index.list_images(Paths().images) == keys
    pixels.write(Paths().pixels("square64"), Paths().images, keys, View(4))
    duplicates.write(Paths().duplicates, [])
    split.main(paths=Paths())
    images, random = index.read(Paths().index), splits.read(Paths().random_splits)
    assert images.keys == keys
    assert images.split.sides == (["test"] * 4 + ["train"] * 4) * 2
    assert [one.sides.count("train") for one in random] == [8, 8]
    assert [one.sides.count("test") for one in random] == [4, 4]
    assert random[0].sides != random[1].sides
