"""Two sets of results, such as those of two branches, and which differences are more than chance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from tabulate import tabulate

from stages.reporting import predictions, significance
from stages.runtime.files import read_csv, read_json
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe


@dataclass(frozen=True)
class Difference:
    """One probe or fusion there and here.

    there, here : accuracies on the headline split
    lost, won : test images that only there, and only here, are classified correctly
    split_points : the mean difference over the random splits, in points; None if the splits differ
    p, p_splits : of the exact McNemar test, and of the corrected resampled t-test over the random
        splits, with Holm's correction for all probes; None if there is no test
    why_not : why there is no McNemar test
    """

    probe: Probe
    there: float
    here: float
    lost: int = 0
    won: int = 0
    split_points: float | None = None
    p: float | None = None
    p_splits: float | None = None
    why_not: str = ""

    @property
    def verdict(self) -> str:
        """In words, whether the two can be told apart."""
        if self.why_not:
            return self.why_not
        if self.lost == self.won == 0 and not self.split_points:
            return "the same"
        told: dict[str, list[str]] = {}
        for p, points, where in (
            (self.p, self.here - self.there, "images"),
            (self.p_splits, self.split_points or 0.0, "splits"),
        ):
            if p is not None and p <= significance.LEVEL:
                told.setdefault("better" if points > 0 else "worse", []).append(where)
        words = (f"{word} ({', '.join(where)})" for word, where in told.items())
        return ", ".join(words) or "cannot be told apart"


@dataclass(frozen=True)
class Comparison:
    """The differences of all probes that both sides have, and the probes that only one side has."""

    differences: list[Difference]
    gone: list[Probe]
    new: list[Probe]

    @property
    def all_same(self) -> bool:
        """Whether nothing differs."""
        return not (self.gone or self.new) and all(one.verdict == "the same" for one in self.differences)


def compare(there: Paths, here: Paths, protocol: str) -> Comparison:
    """Compare what was run on both sides, by one of `table.PROTOCOLS`."""
    before, after = run(there), run(here)
    both = [probe for probe in after if probe in before]
    found = [_difference(probe, there, here, protocol) for probe in both]
    found = _corrected(found, lambda one: one.p, lambda one, p: replace(one, p=p))
    found = _corrected(found, lambda one: one.p_splits, lambda one, p: replace(one, p_splits=p))
    gone = [probe for probe in before if probe not in after]
    return Comparison(found, gone, [probe for probe in after if probe not in before])


def run(paths: Paths) -> list[Probe]:
    """The probes and fusions that were run, as results/table.csv lists them."""
    if not paths.table.exists():
        return []
    return [Probe.parse(row["probe"]) for row in read_csv(paths.table) if row["status"] == "run"]


def _difference(probe: Probe, there: Paths, here: Paths, protocol: str) -> Difference:
    sides = there, here
    metrics = [read_json(side.metrics(probe, protocol)) for side in sides]
    accuracies = {"there": metrics[0]["accuracy"], "here": metrics[1]["accuracy"]}
    outcomes = [predictions.read(side.predictions(probe, protocol)) for side in sides]
    if (outcomes[0].rows, outcomes[0].actual) != (outcomes[1].rows, outcomes[1].actual):
        return Difference(probe, **accuracies, why_not="no test: other images")
    made = [read_json(side.run(probe, protocol)) for side in sides]
    if made[0].get("headline_digest") != made[1].get("headline_digest"):
        return Difference(probe, **accuracies, why_not="no test: other training images")
    before, after = (outcome.right for outcome in outcomes)
    found = Difference(
        probe,
        **accuracies,
        lost=int((before & ~after).sum()),
        won=int((after & ~before).sum()),
        p=significance.mcnemar(before, after),
    )
    if made[0]["split_digest"] != made[1]["split_digest"]:
        return found
    scores = [predictions.read_splits(side.splits(probe, protocol)) for side in sides]
    points = [b - a for a, b in zip(*scores, strict=True)]
    # The random splits' sizes stand there if they are not those of the headline split.
    sizes = {key: metrics[1].get(f"mean_{key}", metrics[1][key]) for key in ("n_train", "n_test")}
    p = significance.resampled_t(points, **sizes)
    return replace(found, split_points=100 * float(np.mean(points)), p_splits=p)


def _corrected(
    found: Sequence[Difference],
    get: Callable[[Difference], float | None],
    put: Callable[[Difference, float], Difference],
) -> list[Difference]:
    """The differences with Holm's correction of one p-value."""
    adjusted = significance.holm_of({one.probe: p for one in found if (p := get(one)) is not None})
    return [put(one, adjusted[one.probe]) if one.probe in adjusted else one for one in found]


def text(found: Comparison, names: tuple[str, str], *, markdown: bool = False) -> str:
    """A table for the terminal, or in Markdown; `names` are those of the two sides."""
    lines = [
        [
            str(one.probe),
            f"{one.there:.4f}",
            f"{one.here:.4f}",
            f"{100 * (one.here - one.there):+.2f}",
            "" if one.why_not else f"-{one.lost} +{one.won}",
            significance.text(one.p),
            "" if one.split_points is None else f"{one.split_points:+.2f}",
            significance.text(one.p_splits),
            one.verdict,
        ]
        for one in found.differences
    ]
    headers = ["probe", *names, "points", "images", "p", "splits", "p", ""]
    align = ("left", *["right"] * 7, "left")
    form = "github" if markdown else "simple"
    table: str = tabulate(lines, headers, tablefmt=form, colalign=align, disable_numparse=True)
    told = [table] if lines else []
    for probes, where in ((found.gone, names[0]), (found.new, names[1])):
        if probes:
            told.append(f"Only in {where}: {', '.join(map(str, probes))}.")
    return "\n\n".join(told)
