"""Decode and resize every image once.

    dvc repro decode

Reads data/images/<label>/<file>, `data.image_size` and `data.source`; writes data/images.h5: uint8
pixels, one channel if all images are grey. This stage alone decides the row order.
The EXIF orientation of your own images is obeyed. That of 15 Scene is not: all its pixels are upright,
and one file has an orientation that is out of date.
"""

from stages.dataset import index, pixels
from stages.runtime import command, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths


def main(*, paths: Paths) -> None:
    data, watch = load_params()["data"], timing.Stopwatch()
    with watch:
        pixels.write(
            paths.pixels,
            paths.images,
            index.list_images(paths.images),
            data["image_size"],
            obey_exif=data["source"] != "scene15",
        )
    timing.write(paths.timings("decode"), decode_seconds=watch.seconds)


if __name__ == "__main__":
    command.run(main)
