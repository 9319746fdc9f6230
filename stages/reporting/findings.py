"""All that the report tells of: read once, compared once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stages.dataset import duplicates, index, splits
from stages.dataset.duplicates import Pair
from stages.dataset.index import Index, Split
from stages.dataset.pixels import Pixels
from stages.reporting import backbones, learning, likeness, predictions, ranking, results
from stages.reporting.backbones import Backbone
from stages.reporting.likeness import Likeness
from stages.reporting.predictions import Component, Outcome
from stages.reporting.ranking import Ranking
from stages.reporting.results import Study
from stages.reporting.table import PROTOCOLS, Result, Row
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

SHEET = 60  # pairs of duplicates, as pictures


@dataclass(frozen=True)
class Findings:
    """The parameters, the images, and the results, which have been compared with each other.

    random : the random splits
    outcomes : the predictions by the protocol with the tuned C
    """

    params: Mapping[str, Any]
    index: Index
    random: list[Split]
    pixels: Pixels
    pairs: list[Pair]
    rows: list[Row]
    outcomes: dict[Probe, Outcome]
    curves: dict[Probe, list[tuple[float, float]]]
    components: dict[Probe, list[Component]]
    backbones: list[Backbone]
    likeness: Likeness | None
    learning: dict[Probe, list[learning.Point]]

    @property
    def results(self) -> list[Result]:
        """The results of what was run."""
        return [row.result for row in self.rows if row.result]

    def ranking(self, protocol: str) -> Ranking | None:
        """The best layers by one of `table.PROTOCOLS`; None if none was run."""
        return ranking.ranked(self.results, protocol)

    @property
    def near_pairs(self) -> list[Pair]:
        """The near duplicates to be shown: the least alike, the most alike of them first."""
        near = (pair for pair in self.pairs if not pair.exact)
        return sorted(near, key=lambda pair: -pair.similarity)[-SHEET:]


def read(params: Mapping[str, Any], paths: Paths) -> Findings:
    """Read what the other stages wrote, and compare the results."""
    images, pairs = index.read(paths.index), duplicates.read(paths.duplicates)
    random = splits.read(paths.random_splits)
    sizes = splits.mean_sizes(random)
    digests = splits.digest([images.split]), splits.digest([images.split, *random])
    study = Study(params, paths, *digests)
    rows = results.collect(study)
    run, found = [row.probe for row in rows if row.result], [row.result for row in rows if row.result]
    seen = duplicates.seen_in_training(pairs, images.split)
    outcomes = {
        protocol: {probe: predictions.read(paths.predictions(probe, protocol)) for probe in run}
        for protocol in PROTOCOLS
    }
    for protocol, some in outcomes.items():
        scores = {probe: predictions.read_splits(paths.splits(probe, protocol)) for probe in run}
        found = ranking.compared(found, some, scores, protocol, sizes)
        found = ranking.without_duplicates(found, some, seen, protocol)
    named = {result.probe: result for result in found}
    rows = [replace(row, result=named.get(row.probe)) for row in rows]
    return Findings(
        params=params,
        index=images,
        random=random,
        pixels=Pixels(paths.pixels(params["duplicates"]["view"])),
        pairs=pairs,
        rows=rows,
        outcomes=outcomes["tuned"],
        curves={probe: predictions.read_curve(paths.curve(probe)) for probe in run},
        components=results.components(study),
        backbones=backbones.read(study, rows),
        likeness=likeness.read(paths.similarity, run),
        learning=learning.read(study),
    )
