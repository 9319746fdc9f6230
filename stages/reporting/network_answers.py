"""Questions 1 to 3 and 5: what the networks are and what they say, how long training takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from stages.dataset.index import Index
from stages.inspection import record, summary
from stages.inspection.record import Predictions
from stages.inspection.summary import Layer
from stages.reporting.backbones import Backbone, one_of_each_model


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
    batch_norm, dropout : as in `record.Predictions`
    """

    name: str
    classes: list[str]
    shared: list[str]
    scenes: list[tuple[str, str, float, int]]
    summary: dict[str, float]
    batch_norm: bool
    dropout: bool


def said(backbones: Sequence[Backbone], index: Index) -> list[Said]:
    """The predictions of each backbone that has an ImageNet head."""
    return [
        Said(
            backbone.name,
            backbone.said.classes,
            named_alike(index.classes, backbone.said.classes),
            scenes(backbone.said, index),
            backbone.said.summary(),
            bool(backbone.said.batch_norm),
            bool(backbone.said.dropout),
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
class Training:
    """Question 5: seconds of one network's training; `svms` have `svm_seconds` in all.

    slowed : whether other programs made the time of the training step longer
    """

    model: str
    per_image: float
    per_pass: float
    slowed: bool
    svms: int
    svm_seconds: float


def training(backbones: Sequence[Backbone], n_train: int) -> list[Training]:
    """The training time of each model, for one image and for all training images."""
    return [
        Training(
            one.model,
            one.step_seconds,
            one.step_seconds * n_train,
            one.slowed,
            len(one.results),
            sum(result.svm_seconds for result in one.results),
        )
        for one in one_of_each_model([backbone for backbone in backbones if backbone.step_seconds])
        if one.step_seconds
    ]
