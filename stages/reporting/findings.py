"""All that the report tells of: read once, compared once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from stages.dataset import duplicates, index, splits
from stages.dataset.duplicates import Pair
from stages.dataset.index import Index
from stages.dataset.pixels import Pixels
from stages.reporting import backbones, predictions, ranking, results
from stages.reporting.backbones import Backbone
from stages.reporting.predictions import Component, Outcome
from stages.reporting.ranking import Ranking
from stages.reporting.results import Study
from stages.reporting.table import Result, Row
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

SHEET = 60  # pairs of duplicates, as pictures


@dataclass(frozen=True)
class Findings:
    """The parameters, the images, and the results, which have been compared with each other."""

    params: Mapping[str, Any]
    index: Index
    pixels: Pixels
    pairs: list[Pair]
    rows: list[Row]
    outcomes: dict[Probe, Outcome]
    curves: dict[Probe, list[tuple[float, float]]]
    components: dict[Probe, list[Component]]
    backbones: list[Backbone]

    @property
    def results(self) -> list[Result]:
        """The results of what was run."""
        return [row.result for row in self.rows if row.result]

    @property
    def ranking(self) -> Ranking | None:
        """The best layers; None if none was run."""
        return ranking.ranked(self.results)

    @property
    def near_pairs(self) -> list[Pair]:
        """The near duplicates to be shown: the least alike, the most alike of them first."""
        near = (pair for pair in self.pairs if not pair.exact)
        return sorted(near, key=lambda pair: -pair.similarity)[-SHEET:]


def read(params: Mapping[str, Any], paths: Paths) -> Findings:
    """Read what the other stages wrote, and compare the results."""
    images, pairs = index.read(paths.index), duplicates.read(paths.duplicates)
    every = np.vstack([images.train, splits.read(paths.random_splits)])
    study = Study(params, paths, splits.digest(images.train), splits.digest(every))
    rows = results.collect(study)
    run = [row.probe for row in rows if row.result]
    outcomes = {probe: predictions.read(paths.predictions(probe)) for probe in run}
    random = {probe: predictions.read_splits(paths.splits(probe)) for probe in run}
    found = ranking.compared([row.result for row in rows if row.result], outcomes, random)
    seen = duplicates.seen_in_training(pairs, images.train)
    named = {result.probe: result for result in ranking.without_duplicates(found, outcomes, seen)}
    rows = [replace(row, result=named.get(row.probe)) for row in rows]
    return Findings(
        params=params,
        index=images,
        pixels=Pixels(paths.pixels),
        pairs=pairs,
        rows=rows,
        outcomes=outcomes,
        curves={probe: predictions.read_curve(paths.curve(probe)) for probe in run},
        components=results.components(study),
        backbones=backbones.read(study, rows),
    )
