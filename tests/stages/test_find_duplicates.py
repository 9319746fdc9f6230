from typing import Any

from stages import find_duplicates
from stages.dataset import duplicates, index, pixels
from stages.runtime.paths import Paths
from stages.runtime.view import View
from stages.sources import synthetic


def test_find_duplicates_finds_a_copied_file(small: dict[str, Any], study: Any) -> None:
    small["duplicates"]["similarity"] = 1
    study(small)
    paths = Paths()
    synthetic.write(paths.images, classes=2, images_per_class=4)
    first, *_, last = sorted(paths.images.glob("*/*"))
    copy = last.with_name("copy" + first.suffix)
    copy.write_bytes(first.read_bytes())
    keys = index.list_images(paths.images)
    pixels.write(paths.pixels("square64"), paths.images, keys, View(64))
    find_duplicates.main(paths=paths)
    rows = [keys.index((path.parent.name, path.name)) for path in (first, copy)]
    assert duplicates.read(paths.duplicates) == [duplicates.Pair(*rows, True, 1)]
