from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.dataset import index, pixels
from stages.inspection import example_images
from stages.runtime.errors import StageError
from stages.runtime.view import View

SIZE = 32


@pytest.fixture
def data(tmp_path: Path) -> tuple[pixels.Pixels, index.Index, Path, View]:
    """Five classes of three grey images, the second image of each for training; and an empty folder."""
    rng = np.random.default_rng(0)
    keys = [(label, f"{i}.png") for label in "abcde" for i in range(3)]
    for label, file in keys:
        (tmp_path / "images" / label).mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(rng.integers(0, 256, (40, 40), dtype=np.uint8))
        picture.save(tmp_path / "images" / label / file)
    pixels.write(tmp_path / "images.h5", tmp_path / "images", keys, View(SIZE))
    split = index.Index(
        keys, index.Split.parse(["train" if file == "1.png" else "test" for _, file in keys])
    )
    own = tmp_path / "own"
    own.mkdir()
    return pixels.Pixels(tmp_path / "images.h5"), split, own, View(SIZE)


Data = tuple[pixels.Pixels, index.Index, Path, View]


def test_named_images_come_in_the_order_asked_for(data: Data) -> None:
    names, found = example_images.choose(["c/2.png", "a/1.png"], *data)
    assert names == ["c/2.png", "a/1.png"]
    assert found.shape == (2, 3, SIZE, SIZE)
    for channel in range(3):
        assert np.array_equal(found[0, channel], data[0][8:9][0, 0])
        assert np.array_equal(found[1, channel], data[0][1:2][0, 0])


@pytest.mark.parametrize(
    ("count", "expected"), [(1, "a"), (2, "ae"), (3, "ace"), (5, "abcde"), (24, "abcde")]
)
def test_a_number_gives_test_images_of_as_many_classes(count: int, expected: str, data: Data) -> None:
    found, images, own, view = data
    names, _ = example_images.choose(count, *data)
    assert names == [f"{label}/0.png" for label in expected]
    neither = index.Split.parse(
        [{"0.png": "none", "1.png": "train"}.get(f, "test") for _, f in images.keys]
    )
    names, _ = example_images.choose(count, found, index.Index(images.keys, neither), own, view)
    assert names == [f"{label}/2.png" for label in expected]


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "RGBA", "LA", "P", "CMYK"])
def test_the_users_own_image_may_be_of_any_8_bit_kind(mode: str, data: Data) -> None:
    suffix = "tif" if mode == "CMYK" else "png"
    Image.new("RGB", (50, 60), (255, 255, 255)).convert(mode).save(data[2] / f"mine.{suffix}")
    _, found = example_images.choose([f"mine.{suffix}"], *data)
    assert found.shape == (1, 3, SIZE, SIZE)
    assert found.min() == 255


def test_a_colour_image_keeps_its_colours(data: Data) -> None:
    Image.new("RGB", (50, 60), (255, 0, 10)).save(data[2] / "mine.png")
    _, found = example_images.choose(["mine.png"], *data)
    assert found[0, :, 5, 5].tolist() == [255, 0, 10]


def test_an_image_of_16_bits_is_named(data: Data) -> None:
    Image.fromarray(np.zeros((9, 9), dtype=np.uint16)).save(data[2] / "deep.png")
    with pytest.raises(StageError, match=r"8-bit pixels .* in .*deep\.png; found mode I;16"):
        example_images.choose(["deep.png"], *data)


def test_a_file_that_is_no_image_is_named(data: Data) -> None:
    (data[2] / "notes.txt").write_text("hello")
    with pytest.raises(StageError, match=r"an image that can be decoded at .*notes\.txt"):
        example_images.choose(["notes.txt"], *data)


def test_a_missing_image_is_named(data: Data) -> None:
    with pytest.raises(StageError, match=r"such as a/2\.png.*found a/22\.png, which is neither"):
        example_images.choose(["a/0.png", "a/22.png"], *data)
