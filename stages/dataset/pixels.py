"""The decoded images: one HDF5 file of uint8 pixels in row order."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from stages.dataset import index
from stages.runtime import hdf5
from stages.runtime.errors import StageError
from stages.runtime.view import View

GREY_MODES = {"1", "L"}
COLOUR_MODES = {"P", "RGB", "RGBA", "LA", "PA", "CMYK", "YCbCr"}


def write(
    path: Path, folder: Path, keys: Sequence[index.Key], view: View, *, obey_exif: bool = True
) -> None:
    """Decode `folder/<label>/<file>` for each key and write `pixels` (n, c, s, s), uint8.

    s is the `side` of `view`; c is 1 if all images are grey, else 3. With `obey_exif` an image is first
    turned as its EXIF orientation says.
    Raises `StageError`, with the file's name, if a file cannot be decoded or has no 8-bit pixels.
    """
    paths = [folder / label / file for label, file in keys]
    mode = "L" if {_mode(path) for path in paths} <= GREY_MODES else "RGB"
    shape = (len(paths), len(mode), view.side, view.side)
    with hdf5.writing(path) as file:
        pixels = file.create_dataset(
            "pixels",
            shape,
            np.uint8,
            chunks=(1, *shape[1:]),
            fletcher32=True,  # a reader notices a flipped bit
            track_times=False,
        )
        pixels.attrs["rows"] = index.digest(keys)
        file["names"] = [f"{label}/{name}" for label, name in keys]
        for row, image in enumerate(tqdm(paths, desc="decode", unit="image")):
            pixels[row] = _decode(image, mode, view, obey_exif=obey_exif)


def decode(path: Path, view: View, channels: int = 3) -> NDArray[np.uint8]:
    """One image, turned as its EXIF orientation says, (channels, s, s) with 1 or 3 channels.

    Raises the errors of `write`.
    """
    _mode(path)
    return _decode(path, "L" if channels == 1 else "RGB", view, obey_exif=True)


class Pixels:
    """A reader of the file of pixels: `keys` in row order, their `row_digest`, `nbytes` of all pixels.

    Raises `StageError` if the file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._reading = partial(hdf5.reading, path, "the pixels of all images", f"decode@{path.stem}")
        with self._reading():
            file = h5py.File(path, "r")
            self._pixels = file["pixels"]
            names = file["names"].asstr()[:].tolist()
            self.row_digest: str = self._pixels.attrs["rows"]
        self.keys: list[index.Key] = [
            (label, name) for label, _, name in (n.partition("/") for n in names)
        ]
        self.nbytes: int = self._pixels.nbytes

    @property
    def names(self) -> list[str]:
        """<label>/<file> of each row."""
        return [f"{label}/{name}" for label, name in self.keys]

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> NDArray[np.uint8]:
        """The pixels (b, c, s, s) of `rows`, a slice or ascending row numbers."""
        with self._reading():
            pixels: NDArray[np.uint8] = self._pixels[rows]
        return pixels


def _mode(path: Path) -> str:
    try:
        with Image.open(path) as image:
            mode = image.mode
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise _undecodable(path, error) from error
    if mode not in GREY_MODES | COLOUR_MODES:
        raise StageError(
            expected=f"8-bit pixels ({', '.join(sorted(GREY_MODES | COLOUR_MODES))}) in {path}",
            found=f"mode {mode}",
            cause="a scientific or 16-bit picture",
            do="convert the file to an 8-bit PNG or JPEG",
        )
    return mode


def _decode(path: Path, mode: str, view: View, *, obey_exif: bool) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            upright = (ImageOps.exif_transpose(image) if obey_exif else image).convert(mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _undecodable(path, error) from error
    return np.atleast_3d(np.asarray(_seen(upright, view), dtype=np.uint8)).transpose(2, 0, 1)


def _seen(image: Image.Image, view: View) -> Image.Image:
    """Resize, and cut the centre; torchvision's Resize and CenterCrop of a PIL image do the same."""
    method = Image.Resampling[view.interpolation.upper()]
    if view.crop is None:
        return image.resize((view.size, view.size), method)
    # The longer side is rounded down, the place of the centre to the nearest pixel.
    width, height = (view.size * side // min(image.size) for side in image.size)
    left, top = round((width - view.crop) / 2), round((height - view.crop) / 2)
    return image.resize((width, height), method).crop((left, top, left + view.crop, top + view.crop))


def _undecodable(path: Path, error: Exception) -> StageError:
    return StageError(
        expected=f"an image that can be decoded at {path}",
        found=str(error),
        cause="a truncated file, or a file that is not an image",
        do="replace or remove the file, then dvc repro",
    )
