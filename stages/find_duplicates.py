"""Find the pictures that are in the data set twice.

    dvc repro find_duplicates

Compares the files of data/images byte by byte and the decoded images by a perceptual hash; writes the
pairs of rows to data/pairs.csv. Two pictures are near duplicates where their hashes differ in at most
`duplicates.distance` of 256 bits.
"""

from pathlib import Path

from stages.dataset import duplicates, index
from stages.dataset.pixels import Pixels
from stages.runtime import command
from stages.runtime.params import load_params


def main(*, images: Path, pixels: Path, pairs: Path) -> None:
    """Write the pairs of rows that show one picture."""
    distance = load_params()["duplicates"]["distance"]
    found = duplicates.find(images, index.list_images(images), Pixels(pixels), distance)
    duplicates.write(pairs, found)


if __name__ == "__main__":
    command.run(main)
