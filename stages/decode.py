"""Decode every image and resize it, once for each view.

    dvc repro decode@square224

Reads data/images/<label>/<file>, the view and `data.source`; writes data/pixels/<view>.h5: uint8 pixels,
one channel if all images are grey. This stage alone decides the row order, which all views share.
The EXIF orientation of your own images is obeyed. That of 15 Scene is not: all its pixels are upright,
and one file has an orientation that is out of date.
"""

from stages.dataset import index, pixels
from stages.runtime import command, timing
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.view import View


def main(view: str, *, paths: Paths) -> None:
    params, watch = load_params(), timing.Stopwatch()
    with watch:
        pixels.write(
            paths.pixels(view),
            paths.images,
            index.list_images(paths.images),
            View(**params["views"][view]),
            obey_exif=params["data"]["source"] != "scene15",
        )
    timing.write(paths.timings("decode", view), decode_seconds=watch.seconds)


if __name__ == "__main__":
    command.run(main)
