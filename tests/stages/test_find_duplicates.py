from pathlib import Path
from typing import Any

from stages import find_duplicates
from stages.dataset import duplicates, index, pixels
from stages.sources import synthetic


def test_match_finds_what_is_there_twice(folder: Path, small: dict[str, Any], study: Any) -> None:
    images = folder / "images"
    synthetic.write(images, classes=2, images_per_class=4)
    first, *_, last = sorted(images.glob("*/*"))
    copy = last.with_name("copy" + first.suffix)
    copy.write_bytes(first.read_bytes())
    keys = index.list_images(images)
    pixels.write(folder / "images.h5", images, keys, 64)
    small["duplicates"]["distance"] = 0
    study(small)
    find_duplicates.main(images=images, pixels=folder / "images.h5", pairs=folder / "pairs.csv")
    rows = [keys.index((path.parent.name, path.name)) for path in (first, copy)]
    assert duplicates.read(folder / "pairs.csv") == [duplicates.Pair(*rows, True, 0)]
