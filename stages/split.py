"""Split the rows into training and test rows: the headline split and random splits.

    dvc repro split

Reads the row order in data/pixels/, the manifest, the pairs of duplicates and `splits`; writes
data/index.csv (row, label, file, split) and data/splits.csv (the other splits). The headline split is
that of the first column of `splits.file`, or else the published one of 15 Scene (100 training images per
class), or that of the folders `train` and `test`, or a random one. The other splits are those of the
other columns, or else `splits.random` random ones.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.dataset import duplicates, index, split_file, splits
from stages.dataset.index import Split
from stages.dataset.pixels import Pixels
from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.sources import manifest


def main(*, paths: Paths) -> None:
    """Write the index and the other splits."""
    params = load_params()
    protocol = params["splits"]
    keys = Pixels(paths.pixels(params["duplicates"]["view"])).keys
    pairs = duplicates.read(paths.duplicates)
    groups = duplicates.groups(len(keys), pairs if protocol["group_duplicates"] else [])
    given = given_splits(params, keys, paths.manifest)
    # The number is part of the seed: beside a given headline split the random ones are the same.
    numbers = range(len(given), protocol["random"] + 1) if len(given) < 2 else []
    headline, *others = [*given, *(draw(keys, groups, protocol, number) for number in numbers)]
    index.write(paths.index, index.Index(keys, headline))
    splits.write(paths.random_splits, others)


def given_splits(params: Mapping[str, Any], keys: Sequence[index.Key], published: Path) -> list[Split]:
    """The splits that are not drawn, the headline split first; none for a data set without one.

    Raises `StageError` if `splits.file` is at fault, or if a class lacks training or test images.
    """
    own = params["splits"]["file"]
    if own:
        found = from_file(Path(own), keys)
    elif params["data"]["source"] == "scene15":
        found = {"the published split": published_split(keys, published)}
    else:
        folders = index.split_of_folders(keys)
        found = {"the split of the folders train and test": folders} if folders else {}
    for number, (name, split) in enumerate(found.items()):
        splits.refuse_empty(keys, split, name, headline=number == 0)
    return list(found.values())


def from_file(path: Path, keys: Sequence[index.Key]) -> dict[str, Split]:
    """The splits of `splits.file`; print how many images it leaves out."""
    found, unlisted = split_file.read(path, keys)
    if unlisted:
        print(
            f"{path} does not list {len(unlisted)} of {len(keys)} images, such as {unlisted[0]}: "
            "they neither train nor test in its splits"
        )
    return {f"the split {column} of {path}": split for column, split in found.items()}


def draw(
    keys: Sequence[index.Key], groups: NDArray[np.int64], protocol: Mapping[str, Any], number: int
) -> Split:
    """A random split; its `number` is part of the seed."""
    sizes = {key: protocol[key] for key in ("train_per_class", "test_per_class")}
    return splits.draw(keys, groups, **sizes, seed=[protocol["seed"], number])


def published_split(keys: Sequence[index.Key], path: Path) -> Split:
    """The manifest's split."""
    split = {(entry.label, entry.file): entry.split for entry in manifest.read(path)}
    return Split.parse([split[key] for key in keys])


if __name__ == "__main__":
    command.run(main)
