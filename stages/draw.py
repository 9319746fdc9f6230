"""Draw what a backbone saw.

    dvc repro draw@vgg16

Reads data/glimpse/<b>.h5; writes results/pictures/<b>/: for each image its activation maps and, where
the network has an ImageNet head, its answers; and for all test images the network's confidence.
"""

from pathlib import Path

from stages.inspection import record
from stages.reporting.figures import networks
from stages.runtime import command, files


def main(backbone: str, *, seen: Path, pictures: Path) -> None:
    """Write the pictures of `backbone`."""
    glimpse = record.read(seen)
    with files.whole_folder(pictures) as folder:
        for image, name in enumerate(record.file_names(glimpse.names)):
            networks.activation_maps(folder / f"maps-{name}.png", glimpse, image)
            if not isinstance(glimpse.said, str):
                networks.answers(folder / f"answers-{name}.png", glimpse, image)
        if not isinstance(glimpse.said, str):
            networks.confidence(folder / "confidence.png", glimpse.said)


if __name__ == "__main__":
    command.run(main)
