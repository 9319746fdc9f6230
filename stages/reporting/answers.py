"""What the report says: every number that its answers quote, worked out from the results."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.dataset.index import Index
from stages.inspection import record, summary
from stages.inspection.record import FIRST, Inspection, Predictions
from stages.reporting.predictions import Component, Outcome
from stages.reporting.ranking import best_row
from stages.reporting.table import Row, having_run
from stages.runtime import files
from stages.runtime.paths import Paths

QUESTIONS = (
    "How many parameters does {network} have, layer by layer?",
    "What is the last layer's output, and what does it stand for?",
    "What does the network say about some images; what do the ImageNet normalisation and evaluation "
    "mode do?",
    "What do the activation maps after the first convolution show?",
    "Why not train {network} on these images directly?",
    "How does ImageNet pretraining help?",
    "What are the limits of fixed features?",
    "What is the impact of the layer at which the features are taken?",
    "The images are grey and the network wants RGB: how is that solved?",
    "Rather than an independent classifier, could one just use the neural network?",
    "What do other layers and other pretrained networks give, and at what price?",
    "How sure can one be of these numbers?",
    "Are several layers together better than one?",
    "How many dimensions does it take?",
)
DATA = {
    "scene15": "15 Scene",
    "folder": "Own images",
    "synthetic": "Generated scenes (these accuracies say nothing about photographs)",
}


@dataclass(frozen=True)
class Backbone:
    """One backbone of `params.yaml` and what is known of it so far; None where a stage has not run."""

    name: str
    model: str
    weights: str
    rows: list[Row]
    layers: list[summary.Layer] | None
    glimpse: Inspection | None
    rehearsal: dict[str, Any] | None

    @property
    def run(self) -> list[Row]:
        """The rows with results."""
        return having_run(self.rows)

    @property
    def random(self) -> bool:
        """Whether its weights are random."""
        return self.weights.startswith("random")

    @property
    def best(self) -> Row | None:
        """The row with the highest accuracy."""
        return best_row(self.rows)

    @property
    def said(self) -> Predictions | None:
        """What it says of the images, if it has anything to say."""
        if self.glimpse is None or isinstance(self.glimpse.said, str):
            return None
        return self.glimpse.said

    @property
    def note(self) -> str:
        """Why it says nothing of the images."""
        if self.glimpse is None:
            return "not run"
        return self.glimpse.said if isinstance(self.glimpse.said, str) else ""


def backbones(params: Mapping[str, Any], rows: Sequence[Row], paths: Paths) -> list[Backbone]:
    """All backbones of `params` in order, with what the folders have of them."""
    found = []
    for name, entry in params["backbones"].items():
        layers = paths.summary(name, ".csv")
        found.append(
            Backbone(
                name=name,
                model=entry["model"],
                weights=entry["weights"],
                rows=[row for row in rows if row.backbone == name],
                layers=summary.read_csv(layers) if layers.exists() else None,
                glimpse=_glimpse(paths.inspection(name), entry),
                rehearsal=files.read_json(paths.timings("time_training", name)) or None,
            )
        )
    return found


def _glimpse(path: Path, entry: Mapping[str, Any]) -> Inspection | None:
    found = record.read(path) if path.exists() else None
    # What was seen with other weights lingers where the present ones cannot be had.
    if found and (found.model, found.weights) == (entry["model"], entry["weights"]):
        return found
    return None


def split(params: Mapping[str, Any]) -> str:
    """How the images were divided."""
    if params["data"]["source"] == "scene15":
        return "the published one"
    count, seed = params["splits"]["train_per_class"], params["splits"]["seed"]
    return f"{count} of each class for training, drawn with seed {seed}"


def further(params: Mapping[str, Any]) -> str:
    """How the random splits were drawn."""
    wanted = params["splits"]
    text = f"{wanted['random']}, each with {wanted['train_per_class']} training images of each class"
    return text + (", duplicates on the same side" if wanted["group_duplicates"] else "")


def absent(found: Sequence[Backbone], rows: Sequence[Row]) -> list[str]:
    """What has no result, backbone by backbone."""
    lines = [f"{row.probe} {row.status}" for row in rows if row.fused and row.status != "run"]
    for backbone in found:
        statuses = Counter(row.status for row in backbone.rows if row.status != "run")
        for status, count in statuses.items():
            lines.append(f"{backbone.name}: {count} of its {len(backbone.rows)} probes {status}")
    return lines


def peaks(run: Sequence[Row]) -> dict[str, str]:
    """The most memory that any probe needed in each stage, in GiB."""
    return {
        stage: f"{max(getattr(row, f'{stage}_peak_bytes') or 0 for row in run) / 2**30:.2f}"
        for stage in ("extract", "kernel", "train")
        if run
    }


def one_of_each_model(found: Sequence[Backbone]) -> list[Backbone]:
    """The first backbone of each model: what does not depend on weights is told once."""
    first: dict[str, Backbone] = {}
    for backbone in found:
        first.setdefault(backbone.model, backbone)
    return list(first.values())


def example_files(found: Sequence[Backbone]) -> list[tuple[str, str]]:
    """Name and file name of each image that the backbones looked at."""
    names = next((backbone.glimpse.names for backbone in found if backbone.glimpse), [])
    return list(zip(names, record.file_names(names), strict=True))


def lead(headed: Sequence[Row]) -> dict[str, float]:
    """The softmax layer against the SVM: layers where it leads, by how much on average, times."""
    differences = [(row.softmax_accuracy or 0.0) - (row.accuracy or 0.0) for row in headed]
    return {
        "leads": sum(difference > 0 for difference in differences),
        "points": 100 * mean(differences),
        "seconds": median(row.softmax_seconds or 0.0 for row in headed),
        "svm_seconds": median(row.svm_seconds or 0.0 for row in headed),
    }


def largest(layers: Sequence[summary.Layer]) -> summary.Layer:
    """The layer with the most parameters."""
    return max(layers, key=lambda layer: layer.weights + layer.biases)


def last(layers: Sequence[summary.Layer]) -> summary.Layer:
    """The layer that gives the answer; heads for training only, which are not run, stand behind it."""
    return [layer for layer in layers if layer.output][-1]


def named_alike(labels: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Those of the data set's labels that are the name of a class, but for case and blanks."""
    known = {_plain(name) for name in classes}
    return [label for label in labels if _plain(label) in known]


def _plain(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())


def scenes(said: Predictions, index: Index) -> list[tuple[str, str, float, int]]:
    """For each label: the class said most often of its test images, its share, how many are said."""
    most = said.most_frequent(index.y)
    return [(label, *found) for label, found in zip(index.classes, most, strict=True)]


def first_maps(glimpse: Inspection) -> dict[str, int]:
    """How many of the first convolution's maps follow brightness, and how many edges.

    A map follows what it correlates with more, on average over the images: the image's brightness, or
    the length of its gradient (for that the map's distance from its median is taken, since an edge may
    be told by high or by low values).
    """
    maps = glimpse.maps[FIRST]
    bright, edge = np.zeros(maps.shape[1]), np.zeros(maps.shape[1])
    for pixels, channels in zip(glimpse.pixels, maps, strict=True):
        picture = _resized(pixels.mean(axis=0), channels.shape[1:])
        gradient = np.hypot(*np.gradient(picture))
        for number, channel in enumerate(channels.astype(np.float64)):
            bright[number] += abs(_correlation(channel, picture))
            edge[number] += _correlation(np.abs(channel - np.median(channel)), gradient)
    still = bright + np.abs(edge) < 1e-6
    follows = (bright > edge) & ~still
    edges = ~follows & ~still
    return {"maps": len(still), "brightness": int(follows.sum()), "edges": int(edges.sum())}


def _resized(picture: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    size = (shape[1], shape[0])
    image = Image.fromarray(picture.astype(np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), dtype=np.float64)


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / length if length > 1e-12 else 0.0


def pairs(all_backbones: Sequence[Backbone]) -> list[tuple[Row, Row]]:
    """A pretrained row and the row of the same layer of the same model with random weights."""
    controls = {
        (backbone.model, row.layer): row
        for backbone in all_backbones
        if backbone.random
        for row in backbone.run
    }
    return [
        (row, controls[backbone.model, row.layer])
        for backbone in all_backbones
        if not backbone.random
        for row in backbone.run
        if (backbone.model, row.layer) in controls
    ]


def gains(run: Sequence[Row]) -> list[float]:
    """What the tuned C adds to each accuracy, in points, to a tenth."""
    # Adding 0 turns -0.0 into 0.0.
    return [round(100 * ((row.tuned_accuracy or 0.0) - (row.accuracy or 0.0)), 1) + 0.0 for row in run]


def size(shape: Sequence[int]) -> str:
    """A map's shape (c, h, w) as height x width x channels; any other as it is."""
    turned = [*shape[1:], shape[0]] if len(shape) == 3 else shape
    return " x ".join(f"{length:,}" for length in turned)


def hardest(outcome: Outcome, count: int) -> list[tuple[str, float]]:
    """The classes with the lowest accuracy, the lowest first."""
    return sorted(outcome.by_class().items(), key=lambda item: item[1])[:count]


def best_member(fusion: Row, run: Sequence[Row]) -> Row:
    """The layer of a fusion with the highest accuracy."""
    members = (fusion.members or "").split()
    return max((row for row in run if row.probe in members), key=lambda row: row.accuracy or 0.0)


def best_of(points: Sequence[Component]) -> Component:
    """The number of components with the highest accuracy; of several the smallest."""
    return max(points, key=lambda point: point.accuracy)


def enough(points: Sequence[Component]) -> Component:
    """The fewest components within a point of the highest accuracy."""
    least = best_of(points).accuracy - 0.01
    return next(point for point in points if point.accuracy >= least)
