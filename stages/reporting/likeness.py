"""Question 8: how alike every two layers are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.reporting.backbones import Backbone
from stages.runtime.files import read_csv
from stages.runtime.probe import Probe

Range = tuple[float, float]


@dataclass(frozen=True)
class Likeness:
    """Unbiased linear CKA of every two `probes`, in order, (p, p); NaN if one is constant."""

    probes: list[Probe]
    cka: NDArray[np.float64]

    def of(self, one: Probe, other: Probe) -> float:
        """The CKA of two probes; NaN if one is not among them."""
        if not {one, other} <= set(self.probes):
            return float("nan")
        return float(self.cka[self.probes.index(one), self.probes.index(other)])


@dataclass(frozen=True)
class Alike:
    """What the report says of it; None where there is no such pair.

    neighbours : the least and the most CKA of two layers of a backbone that are next to each other in
        depth
    models : the two layers of different pretrained models that are most alike, and their CKA
    training : the least and the most CKA of a layer with pretrained and with random weights
    """

    neighbours: Range | None
    models: tuple[Probe, Probe, float] | None
    training: Range | None


def read(path: Path, probes: Collection[Probe]) -> Likeness | None:
    """Read what `similarity` wrote of `probes`; None if it does not have two of them."""
    if not path.exists():
        return None
    pairs = {
        (Probe.parse(line["one"]), Probe.parse(line["other"])): float(line["unbiased_cka"])
        for line in read_csv(path)
    }
    found = [probe for probe in probes if any(probe in pair for pair in pairs)]
    if len(found) < 2:
        return None
    cka = np.eye(len(found))
    for i, j in combinations(range(len(found)), 2):
        one, other = found[i], found[j]
        cka[i, j] = cka[j, i] = pairs.get((one, other), pairs.get((other, one), np.nan))
    return Likeness(found, cka)


def alike(found: Likeness | None, backbones: Sequence[Backbone]) -> Alike | None:
    """What the report says of the layers; None if nothing was compared."""
    if found is None:
        return None
    models = {one.name: one.model for one in backbones}
    pretrained = {one.name for one in backbones if not one.random}
    whole = [[r.probe for r in one.results if not r.pooled] for one in backbones]
    neighbours = (pair for layers in whole for pair in pairwise(layers))
    across = {
        pair: found.of(*pair)
        for pair in combinations(found.probes, 2)
        if {probe.backbone for probe in pair} <= pretrained
        and models[pair[0].backbone] != models[pair[1].backbone]
    }
    across = {pair: value for pair, value in across.items() if not np.isnan(value)}
    best = max(across, key=across.__getitem__, default=None)
    return Alike(
        neighbours=_range(found, neighbours),
        models=(*best, across[best]) if best else None,
        training=_range(found, _before_and_after(backbones)),
    )


def _before_and_after(backbones: Sequence[Backbone]) -> Iterable[tuple[Probe, Probe]]:
    """The same layer of one model with pretrained and with random weights."""
    random: Mapping[tuple[str, str], Probe] = {
        (one.model, result.probe.layer): result.probe
        for one in backbones
        if one.random
        for result in one.results
    }
    for one in backbones:
        for probe in (result.probe for result in one.results if not one.random):
            if (one.model, probe.layer) in random:
                yield probe, random[one.model, probe.layer]


def _range(found: Likeness, pairs: Iterable[tuple[Probe, Probe]]) -> Range | None:
    values = [found.of(*pair) for pair in pairs]
    values = [value for value in values if not np.isnan(value)]
    return (min(values), max(values)) if values else None
