"""Decode and resize every image once.

    dvc repro decode

Reads data/images/<label>/<file> and `data.image_size`; writes data/images.h5: uint8 pixels, rows in
index order, one channel where all images are grey.
"""

from pathlib import Path

from stages.dataset import index
from stages.dataset import pixels as pixel_file
from stages.runtime import command, files, timing
from stages.runtime.params import load_params


def main(*, images: Path, pixels: Path, timings: Path) -> None:
    """Write the pixels of all images."""
    size = load_params()["data"]["image_size"]
    watch = timing.Stopwatch()
    with files.whole_file(pixels) as partial, watch:
        pixel_file.write(partial, images, index.list_images(images), size)
    timing.write(timings, decode_seconds=watch.seconds)


if __name__ == "__main__":
    command.run(main)
