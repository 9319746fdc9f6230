"""Draw a backbone's activation maps and predictions.

    dvc repro draw@vgg16

Reads data/inspection/<b>/; writes data/pictures/<b>/. Each example image gets its activation maps
and, if the network has an ImageNet head, its predictions; a histogram shows the confidence on all test
images.
"""

from stages.inspection import record
from stages.reporting.figures import networks
from stages.runtime import command, files
from stages.runtime.paths import Paths


def main(backbone: str, *, paths: Paths) -> None:
    seen = record.read(paths.inspection(backbone))
    with files.whole_folder(paths.pictures(backbone)) as folder:
        for image, name in enumerate(record.file_names(seen.names)):
            networks.activation_maps(folder / f"maps-{name}.png", seen, image)
            if not isinstance(seen.said, str):
                networks.answers(folder / f"answers-{name}.png", seen, image)
        if not isinstance(seen.said, str):
            networks.confidence(folder / "confidence.png", seen.said)


if __name__ == "__main__":
    command.run(main)
