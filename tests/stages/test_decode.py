import json

import pytest

from stages import decode
from stages.dataset import index
from stages.dataset.pixels import Pixels
from stages.runtime.paths import Paths
from stages.sources import synthetic


@pytest.mark.usefixtures("folder")
def test_decode_keeps_the_row_order_and_the_size() -> None:
    paths = Paths()
    synthetic.write(paths.images, classes=3, images_per_class=2)
    decode.main(paths=paths)
    keys = index.list_images(paths.images)
    stored = Pixels(paths.pixels)
    assert stored.keys == keys
    assert stored.names == ["/".join(key) for key in keys]
    assert stored.row_digest == index.digest(keys)
    assert stored[0:6].shape == (6, 1, 64, 64)
    assert json.loads(paths.timings("decode").read_text())["decode_seconds"] > 0
