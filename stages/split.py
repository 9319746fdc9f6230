"""Give every image its row, and say which rows train.

    dvc repro split

Reads the images' names, the manifest, the pairs of duplicates and `splits`; writes data/index.csv (row,
label, file, split), data/splits.csv (`splits.random` further splits) and results/duplicates.csv.
15 Scene keeps its published split (100 training images a class) as the headline; any other data set gets
a random one of `splits.train_per_class` images a class.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.dataset import duplicates as pairing
from stages.dataset import index, splits
from stages.runtime import command
from stages.runtime.params import load_params
from stages.sources import manifest as manifests


def main(
    *, images: Path, manifest: Path, pairs: Path, rows: Path, further: Path, duplicates: Path
) -> None:
    """Write the index of all images, the random splits, and where duplicates are."""
    params = load_params()
    wanted = params["splits"]
    keys, found = index.list_images(images), pairing.read(pairs)
    together = found if wanted["group_duplicates"] else []
    drawn = [draw(keys, together, wanted, number) for number in range(wanted["random"] + 1)]
    published = params["data"]["source"] == "scene15"
    train = published_split(keys, manifest) if published else drawn[0]
    index.write(rows, index.Index(keys, train))
    splits.write(further, np.array(drawn[1:]))
    pairing.write_table(duplicates, found, keys, train)


def draw(
    keys: Sequence[index.Key], together: Sequence[pairing.Pair], wanted: dict[str, int], number: int
) -> NDArray[np.bool_]:
    """The random split with this number, a mask of the training rows (n,): each has its own seed."""
    return splits.draw(
        keys,
        pairing.groups(len(keys), together),
        train_per_class=wanted["train_per_class"],
        seed=[wanted["seed"], number],
    )


def published_split(keys: Sequence[index.Key], manifest: Path) -> NDArray[np.bool_]:
    """The manifest's split as a mask of the training rows, shape (n,)."""
    split = {(entry.label, entry.file): entry.split for entry in manifests.read(manifest)}
    return np.array([split[key] == "train" for key in keys], dtype=np.bool_)


if __name__ == "__main__":
    command.run(main)
