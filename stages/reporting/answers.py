"""Everything that the report's templates quote."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.dataset.index import Key, Split, split_of_folders
from stages.reporting import layer_answers, network_answers, picture_answers, ranking, significance
from stages.reporting.backbones import Backbone, one_of_each_model
from stages.reporting.findings import Findings
from stages.reporting.layer_answers import (
    Dimensions,
    Duplicates,
    Fusion,
    Heads,
    Pretraining,
    Prices,
    ViewEffect,
)
from stages.reporting.network_answers import Parameters, Said, Training
from stages.reporting.picture_answers import Channel, Seen
from stages.reporting.predictions import Outcome
from stages.reporting.ranking import Ranking
from stages.reporting.table import PROTOCOLS, Result, Row
from stages.runtime.probe import Probe

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
class Setting:
    """The data, the splits and the settings; `similarity` is the least of near duplicates."""

    network: str
    data: str
    images: int
    classes: list[str]
    split: str
    n_train: int
    n_test: int
    random_splits: str
    splits: int
    similarity: float
    svm: Mapping[str, Any]
    softmax_C: float
    level: float
    processors: list[str]
    absent: list[str]


@dataclass(frozen=True)
class Fit:
    """Questions 5 and 7: SVMs with the fixed C that get all training images right, test accuracies.

    hardest, confused : of the best layer with the tuned C
    """

    fitted: int
    least: float
    most: float
    hardest: list[tuple[str, float]]
    confused: list[tuple[str, str, float]]


@dataclass(frozen=True)
class Report:
    """The values in the templates; None and empty lists stand for what was not run."""

    questions: list[str]
    setting: Setting
    backbones: list[Backbone]
    rows: list[Row]
    results: list[Result]
    ranking: Ranking | None  # with the tuned C
    fixed: Ranking | None  # with the fixed C
    bold: set[tuple[str, Probe]]  # protocol and best layer of each backbone
    marked: set[
        tuple[str, str, Probe]
    ]  # protocol, `split` or `splits`, what cannot be told from the best
    subject: Parameters | None  # of the first backbone
    per_image: int  # parameters of the first backbone for each training image
    others: list[Parameters]
    said: list[Said]
    seen: list[Seen]
    examples: list[tuple[str, str]]
    training: list[Training]
    fit: Fit | None
    pretraining: list[Pretraining]
    grey: bool
    channels: list[Channel]
    alike_channels: list[str]
    heads: Heads | None
    view_effects: list[ViewEffect]
    prices: Prices | None
    duplicates: Duplicates
    near_pairs_shown: int
    fusions: list[Fusion]
    dimensions: list[Dimensions]


def answer(found: Findings) -> Report:
    """Work out all that the templates quote."""
    backbones, results = found.backbones, found.results
    rankings = {protocol: found.ranking(protocol) for protocol in PROTOCOLS}
    tuned = rankings["tuned"]
    setting = _setting(found)
    subject = network_answers.parameters(backbones[0])
    others = map(network_answers.parameters, one_of_each_model(backbones)[1:])
    channels = picture_answers.channels(backbones)
    return Report(
        questions=[question.format(network=setting.network) for question in QUESTIONS],
        setting=setting,
        backbones=backbones,
        rows=found.rows,
        results=results,
        ranking=tuned,
        fixed=rankings["fixed"],
        bold=bold(backbones),
        marked={mark for one in rankings.values() if one for mark in marked(one)},
        subject=subject,
        per_image=round(subject.total / setting.n_train) if subject else 0,
        others=[other for other in others if other],
        said=network_answers.said(backbones, found.index),
        seen=picture_answers.seen(backbones),
        examples=network_answers.example_files(backbones),
        training=network_answers.training(backbones, setting.n_train),
        fit=fit(results, found.outcomes[tuned.best.probe]) if tuned else None,
        pretraining=layer_answers.pretraining(backbones),
        grey=picture_answers.grey(backbones),
        channels=channels,
        alike_channels=picture_answers.alike_channels(channels),
        heads=layer_answers.heads(results),
        view_effects=layer_answers.view_effects(found.params, results, found.outcomes),
        prices=layer_answers.prices(results, tuned) if tuned else None,
        duplicates=layer_answers.count_duplicates(found.pairs, found.index),
        near_pairs_shown=len(found.near_pairs),
        fusions=layer_answers.fusions(found.rows),
        dimensions=layer_answers.dimensions(found.components, results, found.params["svm"]["folds"]),
    )


def bold(backbones: Sequence[Backbone]) -> set[tuple[str, Probe]]:
    """The best layer of each backbone by each protocol."""
    best = ((how, ranking.best(one.results, how)) for how in PROTOCOLS for one in backbones)
    return {(how, result.probe) for how, result in best if result}


def marked(found: Ranking) -> set[tuple[str, str, Probe]]:
    """The best layer and what cannot be told from it, on the headline split and over the splits."""
    groups = {
        "split": [found.best, *found.alike],
        "splits": [found.best_on_average, *found.alike_on_average],
    }
    return {(found.protocol, where, one.probe) for where, some in groups.items() for one in some}


def _setting(found: Findings) -> Setting:
    params, index = found.params, found.index
    pairs = {(result.feature_processor, result.svm_processor) for result in found.results}
    return Setting(
        network=found.backbones[0].name,
        data=DATA[params["data"]["source"]],
        images=len(index.keys),
        classes=index.classes,
        split=split(params, index.keys),
        n_train=int(index.train.sum()),
        n_test=int(index.test.sum()),
        random_splits=random_splits(params, found.random),
        splits=len(found.random),
        similarity=params["duplicates"]["similarity"],
        svm=params["svm"],
        softmax_C=params["softmax"]["C"],
        level=significance.LEVEL,
        processors=sorted({processor for pair in pairs for processor in pair}),
        absent=absent(found.backbones, found.rows),
    )


def fit(results: Sequence[Result], outcome: Outcome) -> Fit:
    """How well the SVMs fit; `outcome` are the predictions of the best layer."""
    accuracies = [result.fixed.accuracy for result in results]
    fitted = sum(result.fixed.train_accuracy == 1 for result in results)
    return Fit(fitted, min(accuracies), max(accuracies), outcome.hardest(3), outcome.confused(3))


def split(params: Mapping[str, Any], keys: Sequence[Key]) -> str:
    """How the headline split of the images `keys` was made."""
    wanted = params["splits"]
    if wanted["file"]:
        return f"the first of {wanted['file']}"
    if params["data"]["source"] == "scene15":
        return "the published one"
    if split_of_folders(keys):
        return "that of the folders train and test"
    return f"{_per_class(wanted)}, drawn with seed {wanted['seed']}"


def random_splits(params: Mapping[str, Any], random: Sequence[Split]) -> str:
    """How the random splits were drawn, or what those beside a file of splits are like."""
    wanted = params["splits"]
    if wanted["file"]:
        masks = ([split.train for split in random], [split.test for split in random])
        train, test = (_range([int(mask.sum()) for mask in some]) for some in masks)
        return f"{len(random)}, each with {train} training and {test} test images"
    text = f"{len(random)}, each with {_per_class(wanted)}"
    return text + (", duplicates on the same side" if wanted["group_duplicates"] else "")


def _per_class(wanted: Mapping[str, Any]) -> str:
    train, test = wanted["train_per_class"], wanted["test_per_class"]
    share = "the share {} of each class for training"
    text = (share if train < 1 else "{} training images of each class").format(train)
    return text + ("" if test == "all" else f" and {test} test images of each")


def _range(counts: Sequence[int]) -> str:
    least, most = min(counts), max(counts)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def absent(backbones: Sequence[Backbone], rows: Sequence[Row]) -> list[str]:
    """What has no result: each fusion, then the number of probes of each backbone."""
    lines = [f"{row.probe} {row.status}" for row in rows if row.probe.fused and not row.result]
    for backbone in backbones:
        statuses = Counter(row.status for row in backbone.rows if not row.result)
        for status, count in statuses.items():
            lines.append(f"{backbone.name}: {count} of its {len(backbone.rows)} probes {status}")
    return lines
