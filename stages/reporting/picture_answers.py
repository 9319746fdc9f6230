"""Questions 4 and 9: what the networks see of the images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.inspection.record import FIRST, Inspection
from stages.reporting.backbones import Backbone


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
class Channel:
    """Question 9: (mean, deviation) of a colour's pixels before and after the normalisation.

    expected : the mean and deviation that the normalisation subtracts and divides by
    """

    name: str
    colour: str
    before: tuple[float, float]
    expected: tuple[float, float]
    after: tuple[float, float]


def channels(backbones: Sequence[Backbone]) -> list[Channel]:
    """The three channels, in its order, of each network and normalisation that was shown the images."""
    shown: dict[tuple[Any, ...], tuple[Backbone, dict[str, Any]]] = {}
    for backbone in backbones:
        if backbone.inspection:
            facts = backbone.inspection.facts
            how = (backbone.model, *facts["colours"], *facts["mean"], *facts["std"])
            shown.setdefault(how, (backbone, facts))
    found = []
    for backbone, facts in shown.values():
        expected = zip(facts["colours"], facts["mean"], facts["std"], strict=True)
        for number, (index, mean, std) in enumerate(expected):
            pixel, spread = facts["pixel_mean"][index], facts["pixel_std"][index]
            after = ((pixel - mean) / std, spread / std)
            name, colour = "" if number else backbone.name, ("red", "green", "blue")[index]
            found.append(Channel(name, colour, (pixel, spread), (mean, std), after))
    return found


def alike_channels(found: Sequence[Channel]) -> list[str]:
    """The networks whose normalisation is the same for all three colours."""
    expected: dict[str, set[tuple[float, float]]] = {}
    name = ""
    for channel in found:
        name = channel.name or name  # only the first channel of a network has its name
        expected.setdefault(name, set()).add(channel.expected)
    return [name for name, values in expected.items() if len(values) == 1]


def grey(backbones: Sequence[Backbone]) -> bool:
    """Whether all images have one channel, as the first backbone that saw them says."""
    seen = next((backbone.inspection for backbone in backbones if backbone.inspection), None)
    return seen is not None and seen.facts["channels"] == 1
