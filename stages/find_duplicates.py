"""Find the images that show the same picture.

    dvc repro find_duplicates

Compares the files of data/images byte by byte and the decoded images by a perceptual hash; writes the
pairs of rows to data/duplicates.csv. Two images are near duplicates if their hashes differ in at most
`duplicates.distance` of 256 bits.
"""

from stages.dataset import duplicates
from stages.dataset.pixels import Pixels
from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.paths import Paths


def main(*, paths: Paths) -> None:
    distance = load_params()["duplicates"]["distance"]
    pairs = duplicates.find(paths.images, Pixels(paths.pixels), distance)
    duplicates.write(paths.duplicates, pairs)


if __name__ == "__main__":
    command.run(main)
