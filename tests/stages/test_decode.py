import json
import shutil
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.study import ROOT, SCENE15, needs_scene15
from torchvision.transforms import Resize

from stages import decode, download
from stages.dataset import index
from stages.dataset.pixels import Pixels
from stages.runtime.paths import Paths
from stages.sources import synthetic


@pytest.mark.usefixtures("folder")
def test_decode_keeps_the_row_order_and_the_size() -> None:
    paths = Paths()
    synthetic.write(paths.images, classes=3, images_per_class=2)
    decode.main("square64", paths=paths)
    keys = index.list_images(paths.images)
    stored = Pixels(paths.pixels("square64"))
    assert stored.keys == keys
    assert stored.names == ["/".join(key) for key in keys]
    assert stored.row_digest == index.digest(keys)
    assert stored[0:6].shape == (6, 1, 64, 64)
    assert json.loads(paths.timings("decode", "square64").read_text())["decode_seconds"] > 0


@pytest.mark.parametrize(("source", "turned"), [("scene15", False), ("folder", True)])
def test_only_the_exif_orientation_of_own_images_is_obeyed(
    source: str, turned: bool, small: dict[str, Any], study: Any
) -> None:
    small["data"]["source"] = source
    study(small)
    paths = Paths()
    (paths.images / "a").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    image = Image.fromarray(np.arange(64 * 64, dtype=np.uint32).astype(np.uint8).reshape(64, 64))
    image.save(paths.images / "a" / "1.png", exif=exif)
    decode.main("square64", paths=paths)
    expected = image.rotate(-90) if turned else image
    assert np.array_equal(Pixels(paths.pixels("square64"))[0:1][0, 0], np.asarray(expected))


@pytest.mark.real
@needs_scene15
def test_all_images_of_scene15_are_those_of_torchvision(
    small: dict[str, Any], study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As everyone gets them who opens the files with PIL."""
    monkeypatch.setenv("SCENE15", str(SCENE15))
    small["data"].update(source="scene15")
    small["views"]["square64"]["size"] = 224
    study(small)
    paths, resize = Paths(), Resize((224, 224))
    paths.data.mkdir()
    shutil.copy(ROOT / "data" / "scene15.csv", paths.manifest)
    download.main(paths=paths)
    decode.main("square64", paths=paths)
    stored = Pixels(paths.pixels("square64"))
    assert len(stored.keys) == 4485
    for row, key in enumerate(stored.keys):
        with Image.open(paths.images.joinpath(*key)) as image:
            assert np.array_equal(stored[row : row + 1][0, 0], np.asarray(resize(image))), key
