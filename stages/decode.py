"""Decode and resize every image once.

    dvc repro decode

Reads data/images/<label>/<file> and `data.image_size`; writes data/images.h5: uint8 pixels, one channel
if all images are grey. This stage alone decides the row order.
"""

from stages.dataset import index, pixels
from stages.runtime import command, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths


def main(*, paths: Paths) -> None:
    size = load_params()["data"]["image_size"]
    watch = timing.Stopwatch()
    with watch:
        pixels.write(paths.pixels, paths.images, index.list_images(paths.images), size)
    timing.write(paths.timings("decode"), decode_seconds=watch.seconds)


if __name__ == "__main__":
    command.run(main)
