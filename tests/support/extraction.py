"""Images, weights and an extraction of them."""

from pathlib import Path

from stages import decode, extract, fetch_weights
from stages.runtime.paths import Paths
from stages.sources import synthetic


def paths_in(folder: Path) -> Paths:
    """The files of a study in `folder`."""
    return Paths(folder / "data", folder / "results")


def images_of(folder: Path, count: int = 3) -> None:
    """Draw `count` images of each of three classes and decode them."""
    paths = paths_in(folder)
    synthetic.write(paths.images, classes=3, images_per_class=count)
    decode.main("square64", paths=paths)


def run_extract(folder: Path, backbone: str, name: str) -> Path:
    """Extract the features of `backbone`; return their folder, which is moved to `folder / name`."""
    paths = paths_in(folder)
    fetch_weights.main(backbone, paths=paths)
    extract.main(backbone, paths=paths)
    return paths.feature_folder(backbone).rename(folder / name)
