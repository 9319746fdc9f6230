"""Images, weights and an extraction of them."""

from pathlib import Path

from stages import decode, extract, fetch_weights
from stages.sources import synthetic


def images_of(folder: Path, count: int = 3) -> None:
    synthetic.write(folder / "images", classes=3, images_per_class=count)
    decode.main(images=folder / "images", pixels=folder / "images.h5", timings=folder / "t.json")


def run_extract(folder: Path, backbone: str, name: str) -> Path:
    fetch_weights.main(backbone, weights=folder / "w.pth")
    extract.main(
        backbone,
        pixels=folder / "images.h5",
        weights=folder / "w.pth",
        features=folder / name,
        partial=folder / "partial",
        timings=folder / "t.json",
    )
    return folder / name
