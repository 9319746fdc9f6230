"""Find the images that show the same picture.

    dvc repro find_duplicates

Compares the files of data/images byte by byte, and every two images by their local structure in
`duplicates.view`; writes the pairs of rows to data/duplicates.csv. Two images are near duplicates if
their similarity is at least `duplicates.similarity`.
"""

from stages.dataset import duplicates
from stages.dataset.pixels import Pixels
from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.paths import Paths


def main(*, paths: Paths) -> None:
    wanted = load_params()["duplicates"]
    pixels = Pixels(paths.pixels(wanted["view"]))
    pairs = duplicates.find(paths.images, pixels, wanted["similarity"])
    duplicates.write(paths.duplicates, pairs)


if __name__ == "__main__":
    command.run(main)
