"""Everything that the report's templates quote."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.reporting import (
    classifier_answers,
    layer_answers,
    learning,
    likeness,
    network_answers,
    picture_answers,
    ranking,
)
from stages.reporting.backbones import Backbone, one_of_each_model
from stages.reporting.classifier_answers import Heads, Nearest
from stages.reporting.elsewhere import Elsewhere, elsewhere
from stages.reporting.findings import Findings
from stages.reporting.layer_answers import (
    Dimensions,
    Duplicates,
    Fusion,
    Pretraining,
    Prices,
    ViewEffect,
)
from stages.reporting.learning import Learning
from stages.reporting.likeness import Alike
from stages.reporting.network_answers import Parameters, Said, Training
from stages.reporting.picture_answers import Channel, Seen
from stages.reporting.predictions import Outcome
from stages.reporting.ranking import Ranking
from stages.reporting.setting import Setting, setting_of
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
    "How does that compare with the course study and with the literature?",
)


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
    learning: Learning | None
    pretraining: list[Pretraining]
    grey: bool
    channels: list[Channel]
    alike_channels: list[str]
    heads: Heads | None
    nearest: Nearest | None
    alike: Alike | None
    view_effects: list[ViewEffect]
    prices: Prices | None
    duplicates: Duplicates
    near_pairs_shown: int
    fusions: list[Fusion]
    dimensions: list[Dimensions]
    elsewhere: Elsewhere | None


def answer(found: Findings) -> Report:
    """Work out all that the templates quote."""
    backbones, results = found.backbones, found.results
    rankings = {protocol: found.ranking(protocol) for protocol in PROTOCOLS}
    tuned = rankings["tuned"]
    setting = setting_of(found)
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
        learning=learning.learning(found.learning, backbones),
        pretraining=layer_answers.pretraining(backbones),
        grey=picture_answers.grey(backbones),
        channels=channels,
        alike_channels=picture_answers.alike_channels(channels),
        heads=classifier_answers.heads(results),
        nearest=classifier_answers.nearest(results),
        alike=likeness.alike(found.likeness, backbones),
        view_effects=layer_answers.view_effects(found.params, results, found.outcomes),
        prices=layer_answers.prices(results, tuned) if tuned else None,
        duplicates=layer_answers.count_duplicates(found.pairs, found.index),
        near_pairs_shown=len(found.near_pairs),
        fusions=layer_answers.fusions(found.rows),
        dimensions=layer_answers.dimensions(found.components, results, found.params["svm"]["folds"]),
        elsewhere=elsewhere(found.params, found.rows, backbones),
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


def fit(results: Sequence[Result], outcome: Outcome) -> Fit:
    """How well the SVMs fit; `outcome` are the predictions of the best layer."""
    accuracies = [result.fixed.accuracy for result in results]
    fitted = sum(result.fixed.train_accuracy == 1 for result in results)
    return Fit(fitted, min(accuracies), max(accuracies), outcome.hardest(3), outcome.confused(3))
