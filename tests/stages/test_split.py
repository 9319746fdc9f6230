from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import split
from stages.dataset import duplicates, index, splits
from stages.runtime.errors import StageError


def made(folder: Path, pairs: list[duplicates.Pair]) -> None:
    """Twenty images in two classes, with these twins."""
    for label in "ab":
        for i in range(10):
            (folder / "images" / label).mkdir(parents=True, exist_ok=True)
            (folder / "images" / label / f"{i}.jpg").touch()
    duplicates.write(folder / "pairs.csv", pairs)


def run_index(folder: Path) -> None:
    split.main(
        images=folder / "images",
        manifest=folder / "manifest.csv",
        pairs=folder / "pairs.csv",
        rows=folder / "index.csv",
        further=folder / "splits.csv",
        duplicates=folder / "duplicates.csv",
    )


def write_manifest(folder: Path) -> None:
    lines = ["label,file,split,bytes,sha256"]
    lines += [f"{label},{i}.jpg,{'train' if i < 6 else 'test'},1,x" for label in "ab" for i in range(10)]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


def test_index_keeps_the_published_split_and_draws_others(small: dict[str, Any], study: Any) -> None:
    small["data"]["source"] = "scene15"
    folder = study(small)
    made(folder, [])
    write_manifest(folder)
    run_index(folder)
    found = index.read(folder / "index.csv")
    assert np.flatnonzero(found.train).tolist() == [*range(6), *range(10, 16)]
    masks = splits.read(folder / "splits.csv")
    assert masks.shape == (2, 20)
    assert masks[:, :10].sum(axis=1).tolist() == masks[:, 10:].sum(axis=1).tolist() == [6, 6]
    assert len({mask.tobytes() for mask in (found.train, *masks)}) == 3
    # More of them leave those that there were.
    small["splits"]["random"] = 5
    study(small)
    run_index(folder)
    assert np.array_equal(splits.read(folder / "splits.csv")[:2], masks)


def test_the_seed_moves_every_split_but_the_published(small: dict[str, Any], study: Any) -> None:
    found = {}
    for source, seed in (("scene15", 0), ("scene15", 1), ("folder", 0), ("folder", 1)):
        small["data"]["source"], small["splits"]["seed"] = source, seed
        folder = study(small)
        made(folder, [])
        write_manifest(folder)
        run_index(folder)
        found[source, seed] = (folder / "index.csv").read_text(), (folder / "splits.csv").read_text()
    assert found["scene15", 0][0] == found["scene15", 1][0]
    assert found["folder", 0][0] != found["folder", 1][0]
    assert found["scene15", 0][1] != found["scene15", 1][1]


def test_twins_stay_on_one_side_if_told_to(small: dict[str, Any], study: Any) -> None:
    pairs = [duplicates.Pair(i, 10 + i, True, 0) for i in range(10)]
    split_pairs = {}
    for told in (False, True):
        small["splits"].update(group_duplicates=told, random=6)
        folder = study(small)
        made(folder, pairs)
        run_index(folder)
        masks = [index.read(folder / "index.csv").train, *splits.read(folder / "splits.csv")]
        split_pairs[told] = sum(int(mask[pair.a] != mask[pair.b]) for mask in masks for pair in pairs)
    assert split_pairs[True] == 0
    assert split_pairs[False] > 0


def test_duplicates_are_told_with_their_splits(folder: Path) -> None:
    made(folder, [duplicates.Pair(0, 19, False, 12)])
    run_index(folder)
    train = index.read(folder / "index.csv").train
    sides = ["train" if train[row] else "test" for row in (0, 19)]
    assert (folder / "duplicates.csv").read_text().splitlines() == [
        "kind,distance,row,label,file,split,twin_row,twin_label,twin_file,twin_split",
        f"near,12,0,a,0.jpg,{sides[0]},19,b,9.jpg,{sides[1]}",
    ]


def test_a_class_that_is_too_small_is_named(folder: Path) -> None:
    made(folder, [])
    for i in range(4, 10):
        (folder / "images" / "b" / f"{i}.jpg").unlink()
    with pytest.raises(StageError, match="at least 7 images of each class .* found 4 of b"):
        run_index(folder)
    assert not (folder / "index.csv").exists()
