"""Decode and resize every image once.

    dvc repro prepare

Reads data/images/<label>/<file> and `data.image_size`; writes data/images.h5: uint8 pixels, rows in
index order, one channel where all images are grey.
"""

from pathlib import Path

from stages.core import command, config, index, output, timing
from stages.core import pixels as pixel_file


def main(*, images: Path, pixels: Path, timings: Path) -> None:
    """Write the pixels of all images."""
    size = config.load()["data"]["image_size"]
    watch = timing.Stopwatch()
    with output.whole_file(pixels) as partial, watch:
        pixel_file.write(partial, images, index.list_images(images), size)
    timing.write(timings, decode_seconds=watch.seconds)


if __name__ == "__main__":
    command.run(main)
