from pathlib import Path

import numpy as np
from PIL import Image

from stages.sources import synthetic


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.png")}


def test_more_pictures_leave_the_first_ones_as_they_are(tmp_path: Path) -> None:
    for name, count in (("few", 2), ("again", 2), ("more", 3)):
        (tmp_path / name).mkdir()
        synthetic.write(tmp_path / name, classes=6, images_per_class=count)
    few = contents(tmp_path / "few")
    assert len(few) == 12
    assert few == contents(tmp_path / "again")
    assert few.items() <= contents(tmp_path / "more").items()


def test_no_two_pictures_are_alike(tmp_path: Path) -> None:
    synthetic.write(tmp_path, classes=6, images_per_class=5)
    assert len(set(contents(tmp_path).values())) == 30
    for path in tmp_path.rglob("*.png"):
        pixels = np.asarray(Image.open(path))
        assert pixels.shape == (synthetic.SIZE, synthetic.SIZE)
        assert pixels.std() > 20
