"""All figures of the report, from what was found."""

from pathlib import Path

from stages.reporting import learning
from stages.reporting.figures import accuracy, classes, style, uncertainty
from stages.reporting.findings import Findings

NEED_RESULTS = ("depth", "trade-offs", "curves", "heads", "classes", "confusion", "mistakes", "spread")


def draw(folder: Path, found: Findings) -> None:
    """Draw every figure; one that has nothing to show says so."""
    pictures = {path.stem: path for path in (folder / f"{name}.png" for name in NEED_RESULTS)}
    uncertainty.duplicates(folder / "duplicates.png", found.near_pairs, found.pixels, found.index)
    uncertainty.components(folder / "components.png", found.components)
    answer = learning.learning(found.learning, found.backbones)
    uncertainty.learning(folder / "learning.png", answer, found.backbones)
    classes.similarity(folder / "similarity.png", found.likeness)
    ranking, results = found.ranking("tuned"), found.results
    if ranking is None:
        for path in pictures.values():
            style.nothing(path, "No probe was run yet")
        return
    best = ranking.best.probe
    accuracy.depth(pictures["depth"], results, found.backbones)
    accuracy.trade_offs(pictures["trade-offs"], results)
    accuracy.curves(pictures["curves"], found.curves)
    accuracy.heads(pictures["heads"], results)
    classes.classes(pictures["classes"], found.outcomes)
    classes.confusion(pictures["confusion"], best, found.outcomes[best])
    classes.mistakes(pictures["mistakes"], best, found.outcomes[best].mistakes(), found.pixels)
    uncertainty.spread(pictures["spread"], results)
