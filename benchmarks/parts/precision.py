"""Compare the accuracy of features computed in bfloat16 with that in float32.

    python -m benchmarks.parts.precision

Optional (`make bench-optional`): it measures accuracy, not speed, and extracts whole backbones
again. Runs after `dvc repro` with `extract.precision: float32`: extracts each backbone in bfloat16,
runs the whole protocol on each layer that is a probe, and compares the accuracies with
results/table.csv. It takes five minutes for EfficientNet-Lite0 and a quarter of an hour for VGG16.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.harness.measure import LITE, SCRATCH, VGG16, Row, keep
from benchmarks.harness.miniature import PROJECT, Miniature
from stages.dataset import index, splits
from stages.dataset.index import Index, Split
from stages.features.store import Features
from stages.kernels import gram
from stages.runtime import files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import protocol, records


def accuracies(evaluation: protocol.Evaluation, images: Index) -> tuple[float, float, float]:
    """With the fixed C: accuracy on the headline split; mean and deviation over the random splits."""
    random = [records.scores(result, images.y)["accuracy"] for result in evaluation.random]
    headline = records.scores(evaluation.headline, images.y)["accuracy"]
    return headline, float(np.mean(random)), float(np.std(random, ddof=1))


def compare(backbone: str, paths: Paths, random: Sequence[Split], images: Index) -> list[Row]:
    """A row for each probe of the backbone, whose bfloat16 features lie at `paths`."""
    rows, params = [], load_params()
    table = {line["probe"]: line for line in files.read_csv(PROJECT.table)}
    for probe in map(Probe.parse, params["probes"]):
        line = table[str(probe)]
        if probe.backbone == backbone and line["status"] == "run":
            layer = Features(paths.features(probe))
            K = gram.stream(layer.blocks(), layer.n)
            before = [float(line[key]) for key in ("accuracy", "mean_accuracy", "std_accuracy")]
            fit = protocol.Fixed(params["svm"]["C"], params["svm"]["solver"])
            evaluation = protocol.run([K], images, random, fit, str(probe))
            after = accuracies(evaluation, images)
            rows.append(
                Row(
                    str(probe),
                    "bfloat16: {:.4f}, {:.4f} ± {:.4f}".format(*after),
                    "float32: {:.4f}, {:.4f} ± {:.4f}".format(*before),
                    note=f"{100 * (after[1] - before[1]):+.2f} points over the splits",
                )
            )
    return rows


def main() -> None:
    """Compare for each backbone and keep the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("backbones", nargs="*", default=[LITE, VGG16])
    images, random, rows = index.read(PROJECT.index), splits.read(PROJECT.random_splits), []
    backbones = parser.parse_args().backbones
    SCRATCH.mkdir(parents=True, exist_ok=True)
    for backbone in backbones:
        with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
            miniature = Miniature(Path(folder).absolute(), backbone)
            miniature.set_params(extract={"precision": "bfloat16"})
            miniature.add_images("all")
            miniature.extract("all")
            rows += compare(backbone, miniature.paths("all"), random, images)
    keep("precision", "Accuracy in bfloat16 and in float32", rows, arguments=" ".join(backbones))


if __name__ == "__main__":
    main()
