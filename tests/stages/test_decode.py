import json
from pathlib import Path

from stages import decode
from stages.dataset import index
from stages.dataset.pixels import Pixels
from stages.sources import synthetic


def test_prepare_keeps_the_row_order_and_the_size(folder: Path) -> None:
    synthetic.write(folder / "images", classes=3, images_per_class=2)
    decode.main(images=folder / "images", pixels=folder / "images.h5", timings=folder / "t.json")
    keys = index.list_images(folder / "images")
    stored = Pixels(folder / "images.h5")
    assert stored.names == ["/".join(key) for key in keys]
    assert stored.rows == index.digest(keys)
    assert stored[0:6].shape == (6, 1, 64, 64)
    assert json.loads((folder / "t.json").read_text())["decode_seconds"] > 0
