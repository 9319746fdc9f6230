"""Images of all sorts and no images: used rightly, or refused by name."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faults.conftest import peak_bytes
from PIL import Image

from stages.dataset.pixels import Pixels

SIDE = 64


def picture(mode: str = "RGB") -> Image.Image:
    """Dark above, light below, and wider than high."""
    grey = np.repeat(np.linspace(0, 255, 80)[:, None], 120, axis=1).astype(np.uint8)
    return Image.fromarray(grey).convert(mode)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 120), np.uint8))


def turned() -> bytes:
    """A camera held sideways: the pixels lie on their side, and a note says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(picture().rotate(90, expand=True), "JPEG", exif=exif, quality=95)


def huge() -> bytes:
    return saved(Image.new("1", (20_000, 20_000)), "PNG")


RIGHT = {
    "CMYK": saved(picture("CMYK"), "JPEG", quality=95),
    "palette": saved(picture().convert("P", palette=Image.Palette.ADAPTIVE, colors=64), "PNG"),
    "transparent": saved(picture("RGBA"), "PNG"),
    "grey": saved(picture("L"), "PNG"),
    "bits": saved(picture("1"), "PNG"),
    "turned by EXIF": turned(),
}
WRONG: dict[str, Callable[[], bytes]] = {
    "truncated JPEG": lambda: saved(picture(), "JPEG")[:1000],
    "zero bytes": lambda: b"",
    "text": lambda: b"no picture at all",
    "16 bits": lambda: saved(Image.fromarray(np.zeros((9, 9), np.uint16)), "PNG"),
    "32 bits": lambda: saved(Image.fromarray(np.zeros((9, 9), np.float32)), "TIFF"),
    "20,000 x 20,000": huge,
    "half a PNG": lambda: (whole := saved(noise(), "PNG"))[: len(whole) // 2],
}


def decode(folder: Path, study_in: Any, content: bytes) -> tuple[int, str]:
    study_in(folder)
    for name, image in {"cats/1.png": saved(picture(), "PNG"), "dogs/odd.jpg": content}.items():
        path = folder / "data" / "images" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(image)
    return peak_bytes(folder, "stages.decode", "square64")


@pytest.mark.parametrize("kind", RIGHT)
def test_odd_images_come_out_as_the_plain_one(kind: str, tmp_path: Path, study_in: Any) -> None:
    _, said = decode(tmp_path, study_in, RIGHT[kind])
    plain, odd = Pixels(tmp_path / "data" / "pixels" / "square64.h5")[0:2].astype(float)
    assert plain.shape == odd.shape == (3, SIDE, SIDE), said
    if kind == "bits":  # dithered: alike in the large
        plain, odd = (image.reshape(3, 8, 8, 8, 8).mean((2, 4)) for image in (plain, odd))
    assert np.abs(plain - odd).max() < 40
    assert np.corrcoef(plain.ravel(), odd.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_image_is_refused_by_name(kind: str, tmp_path: Path, study_in: Any) -> None:
    peak, said = decode(tmp_path, study_in, WRONG[kind]())
    assert "images/dogs/odd.jpg" in said
    assert "Traceback" not in said
    assert "Likely cause" in said
    assert not list((tmp_path / "data").glob("pixels/*"))
    assert peak < 700 * 2**20
