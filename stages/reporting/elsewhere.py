"""Question 15: the course study that this project repeats, and published results on 15 Scene."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.reporting import significance
from stages.reporting.backbones import Backbone
from stages.reporting.table import Result, Row
from stages.runtime.tap import Tap


@dataclass(frozen=True)
class Course:
    """A result of the course study: its own figures, on its own computer; times in seconds."""

    layer: str
    model: str
    module: str
    accuracy: float
    feature_dim: int
    feature_seconds: float | None = None
    svm_seconds: float | None = None


COURSE = (
    Course("VGG16 pool4", "torchvision/vgg16", "features.23", 0.8797, 100_352, 21.45, 21.04),
    Course("VGG16 pool5", "torchvision/vgg16", "features.30", 0.8988, 25_088, 25.23, 2.38),
    Course("VGG16 relu6", "torchvision/vgg16", "classifier.1", 0.8737, 4_096, 23.03, 0.40),
    Course("VGG16 relu7", "torchvision/vgg16", "classifier.4", 0.8760, 4_096, 23.06, 0.74),
    Course("ResNet50 avgpool", "torchvision/resnet50", "avgpool", 0.9082, 2_048),
)


@dataclass(frozen=True)
class Published:
    """A result on 15 Scene as its authors print it; `protocol` is training images and draws."""

    authors: str
    title: str
    url: str
    network: str
    classifier: str
    accuracy: str
    protocol: str


# Each number was read at its address or in a copy. What only other papers report of them is left out.
PUBLISHED = (
    Published(
        "Tang, Wang and Kwong 2017",
        "G-MS2F",
        "https://mic.tongji.edu.cn/51/46/c9778a86342/page.htm",
        "GoogLeNet (Places205), fine-tuned",
        "three softmax layers",
        "92.90 %",
        "not said there",
    ),
    Published(
        "Expert Systems with Applications 2022",
        "DeepScene",
        "http://research-staging.nottingham.edu.cn/en/publications/"
        "deepscene-scene-classification-via-convolutional-neural-network-w",
        "CNN with spatial pyramid pooling, ensemble",
        "not said there",
        "95.6 %",
        "not said there",
    ),
    Published(
        "Liu and Tian 2019",
        "An indoor scene classification method for service robot based on CNN feature",
        "https://www.hindawi.com/journals/jr/2019/8591035/",
        "CNN features",
        "feature matching",
        "96.49 %",
        "not said there",
    ),
    Published(
        "Wang, Liu, Li, Ren and Pu 2026",
        "Topology-aware vision transformers for enhanced scene recognition",
        "https://ojs.aaai.org/index.php/AAAI/article/view/38001",
        "ViT-B/16 (ImageNet), fine-tuned, with a graph of superpixels",
        "a linear layer",
        "97.12 ± 0.32 %",
        "100 images a class, 10 random draws",
    ),
)


@dataclass(frozen=True)
class Beside:
    """One of our layers beside a result of the course study (fixed C, headline split).

    images : by how many test images ours is better
    interval : of our accuracy (`significance.wilson`)
    """

    row: Row
    images: int = 0
    interval: tuple[float, float] = (0.0, 0.0)
    inside: bool = False


@dataclass(frozen=True)
class Standing:
    """Our best layer or fusion over the random splits; `parameters` of all networks that it needs."""

    result: Result
    parameters: int


@dataclass(frozen=True)
class Elsewhere:
    """What the page compares with."""

    course: list[tuple[Course, list[Beside]]]
    published: Sequence[Published]
    standings: list[Standing]


def elsewhere(
    params: Mapping[str, Any], rows: Sequence[Row], backbones: Sequence[Backbone]
) -> Elsewhere | None:
    """The comparison; None for other images than 15 Scene, and for other splits than its own."""
    if params["data"]["source"] != "scene15" or params["splits"]["file"]:
        return None
    course = [(known, beside(known, params, backbones)) for known in COURSE]
    return Elsewhere(course, PUBLISHED, standings(rows, backbones))


def beside(known: Course, params: Mapping[str, Any], backbones: Sequence[Backbone]) -> list[Beside]:
    """The probes of the same layer with pretrained weights, run or not."""
    found = []
    for backbone in backbones:
        if backbone.model == known.model and not backbone.random:
            layers = params["backbones"][backbone.name]["layers"]
            taps = [(row, Tap.of(layers[row.probe.layer])) for row in backbone.rows]
            found += [_compared(known, row) for row, tap in taps if tap == Tap(known.module)]
    return found


def _compared(known: Course, row: Row) -> Beside:
    if not row.result:
        return Beside(row)
    n, accuracy = row.result.n_test, row.result.fixed.accuracy
    right = round(accuracy * n)
    low, high = significance.wilson(right, n)
    return Beside(row, right - round(known.accuracy * n), (low, high), low <= known.accuracy <= high)


def standings(rows: Sequence[Row], backbones: Sequence[Backbone]) -> list[Standing]:
    """The best layer, and the best fusion, over the random splits with the tuned C."""
    parameters = {backbone.name: backbone.parameters or 0 for backbone in backbones}
    found = []
    for fused in (False, True):
        some = [(row, row.result) for row in rows if row.result and row.probe.fused == fused]
        if some:
            row, best = max(some, key=lambda pair: pair[1].tuned.mean_accuracy)
            needed = {probe.backbone for probe in row.members or (row.probe,)}
            found.append(Standing(best, sum(parameters[name] for name in needed)))
    return found
