"""What `inspect_network` saw, on disk: read without torch by whatever draws it or tells of it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from stages.runtime import hdf5

# How a network is shown an image. The first is how it should be; the last is not tried on all images.
CONDITIONS = (
    "normalised, eval mode",
    "not normalised, eval mode",
    "normalised, train mode",
    "not normalised, train mode",
)
TRIED_ON_ALL = ("normalised", "not_normalised", "train_mode")
TOP = 5


@dataclass(frozen=True)
class Predictions:
    """What a network with k classes says of m images, and in short of the t test images.

    classes : names of the k classes
    best, probability : the TOP classes of each image under each of CONDITIONS, (m, 4, TOP)
    rows : the test rows, (t,)
    all_best, all_probability : the first class of each under TRIED_ON_ALL, (3, t)
    """

    classes: list[str]
    best: NDArray[np.int64]
    probability: NDArray[np.float32]
    rows: NDArray[np.int64]
    all_best: NDArray[np.int64]
    all_probability: NDArray[np.float32]

    def lines(self, names: Sequence[str]) -> Iterator[list[Any]]:
        """The table: image, condition, rank, class, probability."""
        for (image, condition, rank), number in np.ndenumerate(self.best):
            probability = f"{self.probability[image, condition, rank]:.4f}"
            yield [
                names[image],
                CONDITIONS[condition],
                rank + 1,
                self.classes[number],
                probability,
            ]

    def summary(self) -> dict[str, float]:
        """How often the first class changes, and the mean confidence (its probability), over all."""
        found = {}
        for name, best, probability in zip(
            TRIED_ON_ALL, self.all_best, self.all_probability, strict=True
        ):
            if name != TRIED_ON_ALL[0]:
                found[f"{name}_changed"] = float((best != self.all_best[0]).mean())
            found[f"{name}_confidence"] = float(probability.mean(dtype=np.float64))
        return found

    def most_frequent(self, y: NDArray[np.int64]) -> list[tuple[str, float, int]]:
        """For each label of `y` (n,): the class said most often, its share, and how many are said."""
        found = []
        for label in range(y.max() + 1):
            said = Counter(self.all_best[0, y[self.rows] == label].tolist())
            number, count = said.most_common(1)[0]
            found.append((self.classes[number], count / said.total(), len(said)))
        return found


@dataclass(frozen=True)
class Inspection:
    """m images, the maps that a backbone makes of them, and what it says of them.

    model, weights : whose eyes these are, as `params.yaml` names them
    names, pixels : the images, (m, 3, s, s) uint8
    first : the path of the first convolution; "" where the first layer is none
    maps : layer to maps (m, c, h, w) of those that have any; the first convolution's under FIRST
    shapes : every tapped layer's shape
    facts : of the pixels of the test images: `channels`, and for each channel that the network sees
        their `pixel_mean` and `pixel_std` and the `mean` and `std` they are normalised with
    said : a `Predictions`, or the reason why there are none
    """

    model: str
    weights: str
    names: list[str]
    pixels: NDArray[np.uint8]
    first: str
    maps: dict[str, NDArray[np.float32]]
    shapes: dict[str, tuple[int, ...]]
    facts: dict[str, Any]
    said: Predictions | str


FIRST = "first convolution"  # no layer's name: those have no spaces


def write(path: Path, inspection: Inspection) -> None:
    """Write one HDF5 file; its bytes depend on its contents only."""
    with hdf5.writing(path) as file:
        _fill(
            file,
            {
                "model": inspection.model,
                "weights": inspection.weights,
                "names": inspection.names,
                "pixels": inspection.pixels,
                "first": inspection.first,
                "layers": list(inspection.shapes),  # a group's own order is alphabetical
                **{f"maps/{layer}": maps for layer, maps in inspection.maps.items()},
                **{f"shapes/{layer}": shape for layer, shape in inspection.shapes.items()},
                **{f"facts/{key}": value for key, value in inspection.facts.items()},
            },
        )
        if isinstance(inspection.said, str):
            file["note"] = inspection.said
        else:
            _fill(file, {f"said/{key}": value for key, value in vars(inspection.said).items()})


def read(path: Path) -> Inspection:
    """Read what `write` wrote."""
    with (
        hdf5.reading(path, "the inspection", f"inspect_network@{path.stem}"),
        h5py.File(path, "r") as file,
    ):
        said = {key: value[()] for key, value in file["said"].items()} if "said" in file else {}
        if said:
            said["classes"] = file["said/classes"].asstr()[:].tolist()
        layers = file["layers"].asstr()[:].tolist()
        return Inspection(
            model=file["model"].asstr()[()],
            weights=file["weights"].asstr()[()],
            names=file["names"].asstr()[:].tolist(),
            pixels=file["pixels"][()],
            first=file["first"].asstr()[()],
            maps={
                layer: file[f"maps/{layer}"][()] for layer in [FIRST, *layers] if f"maps/{layer}" in file
            },
            shapes={layer: tuple(file[f"shapes/{layer}"][()].tolist()) for layer in layers},
            facts={key: value[()].tolist() for key, value in file["facts"].items()},
            said=Predictions(**said) if said else file["note"].asstr()[()],
        )


def file_names(names: Sequence[str]) -> list[str]:
    """A file name for each image, such as `1-coast-image_0001`: safe, and unlike the others."""
    return [
        f"{i}-{re.sub(r'[^A-Za-z0-9_]+', '-', str(Path(name).with_suffix('')))}"
        for i, name in enumerate(names, 1)
    ]


def _fill(file: h5py.File, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        file.create_dataset(name, data=value, track_times=False)
