"""Questions 1 to 5 and 9: what the networks are, what they say and what they see."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from stages.dataset.index import Index
from stages.inspection import record, summary
from stages.inspection.record import FIRST, Inspection, Predictions
from stages.inspection.summary import Layer
from stages.reporting.backbones import Backbone, one_of_each_model
from stages.reporting.table import Result


@dataclass(frozen=True)
class Parameters:
    """The parameters of one network; `weights` are those without biases, `listing` is a table."""

    name: str
    model: str
    total: int
    weights: int
    layers: int
    largest: Layer
    largest_share: float
    last: Layer
    listing: Markup


def parameters(backbone: Backbone) -> Parameters | None:
    """Question 1; None if the layers are not known yet."""
    layers = backbone.layers
    if not layers:
        return None
    most, total = largest(layers), layers[-1].total
    return Parameters(
        name=backbone.name,
        model=backbone.model,
        total=total,
        weights=sum(layer.weights for layer in layers),
        layers=len(layers),
        largest=most,
        largest_share=(most.weights + most.biases) / total,
        last=last(layers),
        listing=Markup(summary.markdown(layers)),  # noqa: S704 modules, numbers
    )


def largest(layers: Sequence[Layer]) -> Layer:
    """The layer with the most parameters."""
    return max(layers, key=lambda layer: layer.weights + layer.biases)


def last(layers: Sequence[Layer]) -> Layer:
    """The output layer. Heads for training only come after it; they have no output."""
    return [layer for layer in layers if layer.output][-1]


@dataclass(frozen=True)
class Said:
    """Questions 2 and 3: the k `classes` of a network, and its predictions for the test images.

    shared : the labels of the data set that are the name of a class
    scenes : for each label the most frequent class, its share, and the number of different classes
    summary : `record.Predictions.summary`
    """

    name: str
    classes: list[str]
    shared: list[str]
    scenes: list[tuple[str, str, float, int]]
    summary: dict[str, float]


def said(backbones: Sequence[Backbone], index: Index) -> list[Said]:
    """The predictions of each backbone that has an ImageNet head."""
    return [
        Said(
            backbone.name,
            backbone.said.classes,
            named_alike(index.classes, backbone.said.classes),
            scenes(backbone.said, index),
            backbone.said.summary(),
        )
        for backbone in backbones
        if backbone.said
    ]


def named_alike(labels: Sequence[str], classes: Sequence[str]) -> list[str]:
    """The labels that are the name of a class, ignoring case, blanks and punctuation."""
    known = {_plain(name) for name in classes}
    return [label for label in labels if _plain(label) in known]


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def scenes(said: Predictions, index: Index) -> list[tuple[str, str, float, int]]:
    """For each label: the most frequent class of its test images, its share, the number of classes."""
    most = said.most_frequent(index.y)
    return [(label, *found) for label, found in zip(index.classes, most, strict=True)]


def example_files(backbones: Sequence[Backbone]) -> list[tuple[str, str]]:
    """Name and file name of each example image."""
    seen = next((backbone.inspection for backbone in backbones if backbone.inspection), None)
    return list(zip(seen.names, record.file_names(seen.names), strict=True)) if seen else []


@dataclass(frozen=True)
class FirstMaps:
    """The number of maps after the first convolution, and how many follow brightness or edges."""

    maps: int
    brightness: int
    edges: int
    constant: int


@dataclass(frozen=True)
class Seen:
    """Question 4: the maps after the first convolution `first`, and the tapped layers with `shapes`."""

    name: str
    random: bool
    first: str
    counts: FirstMaps
    shapes: str


def seen(backbones: Sequence[Backbone]) -> list[Seen]:
    """The maps of each backbone whose first layer is a convolution."""
    return [
        Seen(
            backbone.name,
            backbone.random,
            backbone.inspection.first,
            first_maps(backbone.inspection),
            ", ".join(f"{layer} {size(shape)}" for layer, shape in backbone.inspection.shapes.items()),
        )
        for backbone in backbones
        if backbone.inspection and backbone.inspection.first
    ]


def first_maps(inspection: Inspection) -> FirstMaps:
    """Count the maps of the first convolution that follow brightness, and those that follow edges.

    A map follows what it correlates with more, on average over the images: the image's brightness, or
    the length of its gradient. For the gradient the map's distance from its median is taken, since high
    or low values may mark an edge.
    """
    maps = inspection.maps[FIRST]
    bright, edge = np.zeros(maps.shape[1]), np.zeros(maps.shape[1])
    for pixels, channels in zip(inspection.pixels, maps, strict=True):
        picture = _resized(pixels.mean(axis=0), channels.shape[1:])
        gradient = np.hypot(*np.gradient(picture))
        for number, channel in enumerate(channels.astype(np.float64)):
            bright[number] += abs(_correlation(channel, picture))
            edge[number] += _correlation(np.abs(channel - np.median(channel)), gradient)
    constant = bright + np.abs(edge) < 1e-6
    follows = (bright > edge) & ~constant
    edges = ~follows & ~constant
    return FirstMaps(len(constant), int(follows.sum()), int(edges.sum()), int(constant.sum()))


def _resized(picture: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    image = Image.fromarray(picture.astype(np.float32))
    resized = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float64)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / length if length > 1e-12 else 0.0


def size(shape: Sequence[int]) -> str:
    """A map's shape (c, h, w) as height x width x channels; any other shape as it is."""
    turned = [*shape[1:], shape[0]] if len(shape) == 3 else shape
    return " x ".join(f"{length:,}" for length in turned)


@dataclass(frozen=True)
class Training:
    """Question 5: seconds of one network's training; `svms` have `svm_seconds` in all."""

    model: str
    per_image: float
    per_pass: float
    svms: int
    svm_seconds: float


def training(backbones: Sequence[Backbone], n_train: int) -> list[Training]:
    """The training time of each model, for one image and for all training images."""
    return [
        Training(
            one.model, one.step_seconds, one.step_seconds * n_train, len(one.results), _svm(one.results)
        )
        for one in one_of_each_model([backbone for backbone in backbones if backbone.step_seconds])
        if one.step_seconds
    ]


def _svm(results: Sequence[Result]) -> float:
    return sum(result.svm_seconds for result in results)


@dataclass(frozen=True)
class Channel:
    """Question 9: (mean, deviation) of a colour's pixels before and after the normalisation."""

    name: str
    colour: str
    before: tuple[float, float]
    imagenet: tuple[float, float]
    after: tuple[float, float]


def channels(backbones: Sequence[Backbone]) -> list[Channel]:
    """The three channels of each model that was shown the images."""
    shown = one_of_each_model([backbone for backbone in backbones if backbone.inspection])
    found = []
    for backbone in shown:
        facts = backbone.inspection.facts if backbone.inspection else {}
        columns = zip(*(facts[key] for key in ("pixel_mean", "pixel_std", "mean", "std")), strict=True)
        for colour, (pixel, spread, mean, std) in zip(("red", "green", "blue"), columns, strict=True):
            after = ((pixel - mean) / std, spread / std)
            name = backbone.name if colour == "red" else ""
            found.append(Channel(name, colour, (pixel, spread), (mean, std), after))
    return found


def grey(backbones: Sequence[Backbone]) -> bool:
    """Whether all images have one channel, as the first backbone that saw them says."""
    seen = next((backbone.inspection for backbone in backbones if backbone.inspection), None)
    return seen is not None and seen.facts["channels"] == 1
