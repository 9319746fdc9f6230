"""Give every image its row, and say which rows train.

    dvc repro index

Reads the images' names, the manifest and `splits`; writes data/index.csv: row, label, file, split.
15 Scene keeps its published split (100 training images a class); any other data set gets a random one
of `splits.train_per_class` images a class.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core import command, config, index, output
from stages.core import manifest as manifests


def main(*, images: Path, manifest: Path, rows: Path) -> None:
    """Write the index of all images."""
    params = config.load()
    keys = index.list_images(images)
    if params["data"]["source"] == "scene15":
        train = published_split(keys, manifest)
    else:
        train = index.random_split(keys, **params["splits"])
    with output.whole_file(rows) as partial:
        index.write(partial, index.Index(keys, train))


def published_split(keys: Sequence[index.Key], manifest: Path) -> NDArray[np.bool_]:
    """The manifest's split as a mask of the training rows, shape (n,)."""
    split = {(entry.label, entry.file): entry.split for entry in manifests.read(manifest)}
    return np.array([split[key] == "train" for key in keys], dtype=np.bool_)


if __name__ == "__main__":
    command.run(main)
