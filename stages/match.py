"""Find the pictures that are in the data set twice.

    dvc repro match

Compares the files of data/images byte by byte and the decoded images by a perceptual hash; writes the
pairs of rows to data/pairs.csv. Two pictures are near duplicates where their hashes differ in at most
`duplicates.distance` of 256 bits.
"""

from pathlib import Path

from stages.core import command, config, index, twins
from stages.core.pixels import Pixels


def main(*, images: Path, pixels: Path, pairs: Path) -> None:
    """Write the pairs of rows that show one picture."""
    distance = config.load()["duplicates"]["distance"]
    found = twins.find(images, index.list_images(images), Pixels(pixels), distance)
    twins.write(pairs, found)


if __name__ == "__main__":
    command.run(main)
