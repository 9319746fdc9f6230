"""The example images, chosen by `inspect_network.images`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.dataset.index import Index
from stages.dataset.pixels import Pixels, decode
from stages.runtime.errors import StageError, among
from stages.runtime.view import View


def choose(
    images: int | Sequence[str], pixels: Pixels, split: Index, own: Path, view: View
) -> tuple[list[str], NDArray[np.uint8]]:
    """Return m names and their pixels (m, 3, s, s), uint8.

    `images` is a number of test images, each of another class, or a list of `<class>/<file>` of the data
    set and of files in the folder `own`, which are decoded in colour; `view` is that of `pixels`.
    Raises `StageError` if a name is in neither, or if a file is not an image of 8 bits.
    """
    names = _first_of_classes(images, split) if isinstance(images, int) else list(images)
    known = pixels.names
    row = {name: i for i, name in enumerate(known)}
    unknown = [name for name in names if name not in row and not (own / name).is_file()]
    if unknown:
        raise StageError(
            expected=f"inspect_network.images to name images of the data set, such as "
            f"{among(unknown[0], known, 3)}, or files in {own}",
            found=f"{unknown[0]}, which is neither",
            cause="a misspelt name, another data set, or a missing file",
            do=f"edit inspect_network.images in params.yaml, or copy the file to {own}",
        )
    stack = [
        np.broadcast_to(pixels[row[name] : row[name] + 1][0], (3, view.side, view.side))
        if name in row
        else decode(own / name, view)
        for name in names
    ]
    return names, np.stack(stack)


def _first_of_classes(count: int, split: Index) -> list[str]:
    """The first test image of `count` evenly spaced classes, or of all classes if they are fewer."""
    classes = split.classes
    places = np.linspace(0, len(classes) - 1, min(count, len(classes))).round().astype(int)
    firsts: dict[str, str] = {}
    for (label, file), test in zip(split.keys, split.test, strict=True):
        if test:
            firsts.setdefault(label, f"{label}/{file}")
    return [firsts[classes[place]] for place in places]
