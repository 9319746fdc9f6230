"""What git keeps besides the report: a summary for `dvc metrics`, and copies of the small files.

With its predictions, a commit can be tested against another (`stages.compare`).
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

from stages.reporting.findings import Findings
from stages.reporting.table import PROTOCOLS, Result
from stages.runtime import files
from stages.runtime.paths import Paths


def copy(found: Findings, paths: Paths, kept: Paths) -> None:
    """Copy from `paths` to `kept` the results of each probe, and what was seen of each backbone."""
    for result in found.results:
        for protocol in PROTOCOLS:
            _copy_folder(paths.svm(result.probe, protocol), kept.svm(result.probe, protocol))
    for name in (backbone.name for backbone in found.backbones):
        for path, suffixes in ((Paths.summary, (".csv", ".md")), (Paths.answers, (".csv", ".json"))):
            for suffix in suffixes:
                if path(paths, name, suffix).exists():
                    files.copy(path(paths, name, suffix), path(kept, name, suffix))
        if paths.pictures(name).exists():
            _copy_folder(paths.pictures(name), kept.pictures(name))
    if paths.similarity.exists():
        files.copy(paths.similarity, kept.similarity)


def summarise(results: Iterable[Result], kept: Paths) -> None:
    """Write three accuracies of each probe, and the highest of each, for `dvc metrics`.

    `accuracy` is that with the tuned C on the headline split, `over_splits` its mean over the random
    splits, `fixed_C` the accuracy with the fixed C on the headline split.
    """
    scores = {
        result.probe: {
            "accuracy": result.tuned.accuracy,
            "over_splits": result.tuned.mean_accuracy,
            "fixed_C": result.fixed.accuracy,
        }
        for result in results
    }
    for probe, numbers in scores.items():
        files.write_json(kept.scores(probe), numbers)
    layers = [numbers for probe, numbers in scores.items() if not probe.fused]
    if layers:
        best = {key: max(numbers[key] for numbers in layers) for key in layers[0]}
        files.write_json(kept.scores("best"), best)


def _copy_folder(path: Path, target: Path) -> None:
    # Files in DVC's cache are read-only; their copies are not.
    shutil.copytree(path, target, copy_function=shutil.copyfile)
