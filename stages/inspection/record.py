"""The results of `inspect_network` on disk; the stages that read them do not load torch."""

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

# How a network gets an image. The first is correct; the last is not tried on all test images.
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
    """The predictions of a network with k classes for m example images and for the t test images.

    classes : names of the k classes
    best, probability : the TOP classes of each example under each of CONDITIONS, (m, 4, TOP)
    rows : the test rows, (t,)
    all_best, all_probability : the first class of each test image under TRIED_ON_ALL, (3, t)
    batch_norm : whether the network has batch norm: in train mode it mixes the images of a batch
    dropout : whether two passes of one batch in train mode differ
    """

    classes: list[str]
    best: NDArray[np.int64]
    probability: NDArray[np.float32]
    rows: NDArray[np.int64]
    all_best: NDArray[np.int64]
    all_probability: NDArray[np.float32]
    batch_norm: bool
    dropout: bool

    def lines(self, names: Sequence[str]) -> Iterator[list[Any]]:
        """The lines of the table: image, condition, rank, class, probability."""
        for (image, condition, rank), number in np.ndenumerate(self.best):
            probability = f"{self.probability[image, condition, rank]:.4f}"
            yield [names[image], CONDITIONS[condition], rank + 1, self.classes[number], probability]

    def summary(self) -> dict[str, float]:
        """For all test images: the share whose first class changes, and its mean probability."""
        shares = {}
        for name, best, probability in zip(
            TRIED_ON_ALL, self.all_best, self.all_probability, strict=True
        ):
            if name != TRIED_ON_ALL[0]:
                shares[f"{name}_changed"] = float((best != self.all_best[0]).mean())
            shares[f"{name}_confidence"] = float(probability.mean(dtype=np.float64))
        return shares

    def most_frequent(self, y: NDArray[np.int64]) -> list[tuple[str, float, int]]:
        """For each label of `y` (n,): the most frequent class, its share, the number of classes."""
        frequent = []
        for label in range(y.max() + 1):
            counts = Counter(self.all_best[0, y[self.rows] == label].tolist())
            number, count = counts.most_common(1)[0]
            frequent.append((self.classes[number], count / counts.total(), len(counts)))
        return frequent


@dataclass(frozen=True)
class Inspection:
    """m example images, a backbone's activation maps of them, and its predictions.

    model, weights : as in `params.yaml`
    view, recipe : how the network saw the images, and how its weights want to ("" if unknown)
    names, pixels : the example images, (m, 3, s, s) uint8
    first : the path of the first convolution; "" if the first layer is not a convolution
    maps : layer to maps (m, c, h, w), for layers that have maps; FIRST is the first convolution
    shapes : the output shape of each tapped layer
    facts : of the test images: `channels`; `pixel_mean` and `pixel_std` of red, green and blue, from
        0 to 1; `colours`, `mean` and `std` of `networks.inference.Normalise`
    said : a `Predictions`, or the reason why there are none
    """

    model: str
    weights: str
    view: str
    recipe: str
    names: list[str]
    pixels: NDArray[np.uint8]
    first: str
    maps: dict[str, NDArray[np.float32]]
    shapes: dict[str, tuple[int, ...]]
    facts: dict[str, Any]
    said: Predictions | str


FIRST = "first convolution"  # never the name of a layer, which has no spaces


def write(path: Path, inspection: Inspection) -> None:
    """Write one HDF5 file; its bytes depend on the contents only."""
    with hdf5.writing(path) as file:
        _fill(
            file,
            {
                "model": inspection.model,
                "weights": inspection.weights,
                "view": inspection.view,
                "recipe": inspection.recipe,
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
    """Read the file; raise `StageError` if it is missing or damaged."""
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
            view=file["view"].asstr()[()],
            recipe=file["recipe"].asstr()[()],
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
    """A safe and unique file name for each image, such as `1-coast-image_0001`."""
    return [
        f"{i}-{re.sub(r'[^A-Za-z0-9_]+', '-', str(Path(name).with_suffix('')))}"
        for i, name in enumerate(names, 1)
    ]


def _fill(file: h5py.File, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        file.create_dataset(name, data=value, track_times=False)
