"""Draw what a backbone saw.

    dvc repro draw@vgg16

Reads data/glimpse/<b>.h5; writes results/pictures/<b>/: for each image its activation maps and, where
the network has an ImageNet head, its answers; and for all test images the network's confidence.
"""

from pathlib import Path

from stages.core import command, glimpses, output
from stages.core import pictures as drawing


def main(backbone: str, *, seen: Path, pictures: Path) -> None:
    """Write the pictures of `backbone`."""
    glimpse = glimpses.read(seen)
    with output.whole_folder(pictures) as folder:
        for image, name in enumerate(glimpses.file_names(glimpse.names)):
            drawing.activation_maps(folder / f"maps-{name}.png", glimpse, image)
            if not isinstance(glimpse.said, str):
                drawing.answers(folder / f"answers-{name}.png", glimpse, image)
        if not isinstance(glimpse.said, str):
            drawing.confidence(folder / "confidence.png", glimpse.said)


if __name__ == "__main__":
    command.run(main)
