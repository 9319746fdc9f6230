"""Say which rows train: the headline split and random ones.

    dvc repro split

Reads the row order of data/images.h5, the manifest, the pairs of duplicates and `splits`; writes
data/index.csv (row, label, file, split), data/splits.csv (`splits.random` further splits) and
results/duplicates.csv. 15 Scene keeps its published split (100 training images a class) as the headline;
any other data set gets a random one of `splits.train_per_class` images a class.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.dataset import duplicates, index, splits
from stages.dataset.pixels import Pixels
from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.sources import manifest


def main(*, paths: Paths) -> None:
    """Write the index of all images, the random splits, and where duplicates are."""
    params = load_params()
    protocol = params["splits"]
    keys, pairs = Pixels(paths.pixels).keys, duplicates.read(paths.duplicates)
    groups = duplicates.groups(len(keys), pairs if protocol["group_duplicates"] else [])
    drawn = [draw(keys, groups, protocol, number) for number in range(protocol["random"] + 1)]
    published = params["data"]["source"] == "scene15"
    train = published_split(keys, paths.manifest) if published else drawn[0]
    index.write(paths.index, index.Index(keys, train))
    splits.write(paths.random_splits, np.array(drawn[1:]))
    duplicates.write_table(paths.duplicates_table, pairs, keys, train)


def draw(
    keys: Sequence[index.Key], groups: NDArray[np.int64], protocol: dict[str, int], number: int
) -> NDArray[np.bool_]:
    """The random split with this number, a mask of the training rows (n,): each has its own seed."""
    seed = [protocol["seed"], number]
    return splits.draw(keys, groups, train_per_class=protocol["train_per_class"], seed=seed)


def published_split(keys: Sequence[index.Key], path: Path) -> NDArray[np.bool_]:
    """The manifest's split as a mask of the training rows, (n,)."""
    split = {(entry.label, entry.file): entry.split for entry in manifest.read(path)}
    return np.array([split[key] == "train" for key in keys], dtype=np.bool_)


if __name__ == "__main__":
    command.run(main)
