import time
from pathlib import Path

import numpy as np
import pytest
import torchvision
from PIL import Image

from stages.dataset import pixels
from stages.runtime.errors import StageError
from stages.runtime.view import View

GREY = np.arange(90 * 70, dtype=np.uint32).reshape(90, 70).astype(np.uint8)


def save(folder: Path, name: str, image: Image.Image) -> tuple[str, str]:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    image.save(path)
    return path.parent.name, path.name


@pytest.mark.parametrize("size", [32, 224])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_images_are_resized_as_torchvision_does(mode: str, size: int, tmp_path: Path) -> None:
    image = Image.fromarray(GREY).convert(mode)
    keys = [save(tmp_path, "a/1.png", image), save(tmp_path, "b/2.png", image.rotate(90, expand=True))]
    pixels.write(tmp_path / "images.h5", tmp_path, keys, View(size))
    stored = pixels.Pixels(tmp_path / "images.h5")
    assert stored.names == ["a/1.png", "b/2.png"]
    resize = torchvision.transforms.Resize((size, size))
    for row, key in enumerate(keys):
        expected = np.asarray(resize(Image.open(tmp_path.joinpath(*key)))).reshape(size, size, -1)
        assert np.array_equal(stored[row : row + 1][0], expected.transpose(2, 0, 1))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(90, 70), (71, 300), (16, 17), (256, 256)])
def test_the_centre_is_cut_as_torchvision_does(
    shape: tuple[int, int], interpolation: str, tmp_path: Path
) -> None:
    grey = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    keys = [save(tmp_path, "a/1.png", Image.fromarray(grey))]
    pixels.write(tmp_path / "images.h5", tmp_path, keys, View(77, 64, interpolation))
    recipe = torchvision.transforms.Compose(
        [
            torchvision.transforms.Resize(
                77, torchvision.transforms.InterpolationMode(interpolation), antialias=True
            ),
            torchvision.transforms.CenterCrop(64),
        ]
    )
    expected = np.asarray(recipe(Image.fromarray(grey)))
    assert np.array_equal(pixels.Pixels(tmp_path / "images.h5")[0:1][0, 0], expected)


def test_one_colour_image_makes_three_channels(tmp_path: Path) -> None:
    grey, colour = Image.fromarray(GREY), Image.new("RGB", (50, 50), (255, 0, 10))
    keys = [save(tmp_path, "a/1.png", grey), save(tmp_path, "a/2.png", colour)]
    pixels.write(tmp_path / "images.h5", tmp_path, keys, View(16))
    stored = pixels.Pixels(tmp_path / "images.h5")
    assert stored[0:2].shape == (2, 3, 16, 16)
    assert stored[1:2][0, :, 0, 0].tolist() == [255, 0, 10]
    assert np.array_equal(stored[0:1][0, 0], stored[0:1][0, 2])


def test_a_picture_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    image = Image.fromarray(GREY)
    (tmp_path / "a").mkdir()
    image.save(tmp_path / "a" / "1.png", exif=exif)
    pixels.write(tmp_path / "images.h5", tmp_path, [("a", "1.png")], View(64))
    upright = image.rotate(-90, expand=True).resize((64, 64), Image.Resampling.BILINEAR)
    assert np.array_equal(pixels.Pixels(tmp_path / "images.h5")[0:1][0, 0], np.asarray(upright))


def test_the_same_images_make_the_same_bytes(tmp_path: Path) -> None:
    keys = [save(tmp_path, f"a/{i}.png", Image.fromarray(GREY + i)) for i in range(5)]
    for name in ("1.h5", "2.h5"):
        pixels.write(tmp_path / name, tmp_path, keys, View(32))
        time.sleep(1.1)  # a time stamp would have changed
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_a_file_that_cannot_be_decoded_is_named(damage: str, tmp_path: Path) -> None:
    keys = [
        save(tmp_path, "a/1.jpg", Image.fromarray(GREY)),
        save(tmp_path, "a/bad.jpg", Image.fromarray(GREY)),
    ]
    bad = tmp_path / "a" / "bad.jpg"
    content = {"truncated": bad.read_bytes()[:-500], "text": b"not a picture", "empty": b""}[damage]
    bad.write_bytes(content)
    with pytest.raises(StageError, match="a/bad.jpg"):
        pixels.write(tmp_path / "images.h5", tmp_path, keys, View(16))


@pytest.mark.parametrize("beside", ["grey", "colour"])
def test_sixteen_bits_are_refused_by_name(beside: str, tmp_path: Path) -> None:
    plain = Image.fromarray(GREY).convert({"grey": "L", "colour": "RGB"}[beside])
    deep = Image.fromarray(GREY.astype(np.uint16) * 200)
    keys = [save(tmp_path, "a/1.png", plain), save(tmp_path, "a/deep.png", deep)]
    with pytest.raises(StageError, match="a/deep.png; found mode I;16"):
        pixels.write(tmp_path / "images.h5", tmp_path, keys, View(16))


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "images.h5"
    pixels.write(path, tmp_path, [save(tmp_path, "a/1.png", Image.fromarray(GREY))], View(224))
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    path.write_bytes(damaged)
    with pytest.raises(StageError, match="the pixels of all images at .*a damaged file"):
        pixels.Pixels(path)[0:1]
