"""Split the rows into training and test rows: the headline split and random splits.

    dvc repro split

Reads the row order in data/pixels/, the manifest, the pairs of duplicates and `splits`; writes
data/index.csv (row, label, file, split) and data/splits.csv (`splits.random` further splits). The
headline split of 15 Scene is the published one (100 training images per class); that of another data set
is random, with `splits.train_per_class` training images per class.
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
    """Write the index and the random splits."""
    params = load_params()
    protocol = params["splits"]
    keys = Pixels(paths.pixels(params["duplicates"]["view"])).keys
    pairs = duplicates.read(paths.duplicates)
    groups = duplicates.groups(len(keys), pairs if protocol["group_duplicates"] else [])
    drawn = [draw(keys, groups, protocol, number) for number in range(protocol["random"] + 1)]
    published = params["data"]["source"] == "scene15"
    train = published_split(keys, paths.manifest) if published else drawn[0]
    index.write(paths.index, index.Index(keys, train))
    splits.write(paths.random_splits, np.array(drawn[1:]))


def draw(
    keys: Sequence[index.Key], groups: NDArray[np.int64], protocol: dict[str, int], number: int
) -> NDArray[np.bool_]:
    """The mask (n,) of the training rows of a random split; its `number` is part of the seed."""
    seed = [protocol["seed"], number]
    return splits.draw(keys, groups, train_per_class=protocol["train_per_class"], seed=seed)


def published_split(keys: Sequence[index.Key], path: Path) -> NDArray[np.bool_]:
    """The mask (n,) of the training rows of the manifest's split."""
    split = {(entry.label, entry.file): entry.split for entry in manifest.read(path)}
    return np.array([split[key] == "train" for key in keys], dtype=np.bool_)


if __name__ == "__main__":
    command.run(main)
