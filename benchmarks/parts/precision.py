"""Whether features computed in bfloat16 are as good as those in float32.

    python -m benchmarks.parts.precision efficientnet_lite0 vgg16_random

After `dvc repro` with `extract.precision: float32`: extracts each backbone anew in bfloat16, goes
through the whole protocol on each layer that is a probe, and sets the accuracies beside those of
results/table.csv. Five minutes for EfficientNet-Lite0, a quarter of an hour for VGG16.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.measure import SCRATCH, Row, keep
from benchmarks.harness.miniature import Study
from stages.dataset import index, splits
from stages.dataset.index import Index
from stages.features.store import Features
from stages.kernels import gram
from stages.runtime.params import load_params, split_probe
from stages.svm import inputs, protocol


def accuracies(found: protocol.Evaluation, images: Index) -> tuple[float, float, float]:
    """Of the published split; mean and deviation over the random ones; with the fixed C."""

    def accuracy(trial: protocol.SplitResult) -> float:
        test = ~trial.train
        return inputs.score(images.y[test], trial.fixed[test].argmax(axis=1))["accuracy"]

    over = [accuracy(trial) for trial in found.random]
    return accuracy(found.headline), float(np.mean(over)), float(np.std(over, ddof=1))


def compare(backbone: str, features: Path, masks: NDArray[np.bool_], images: Index) -> list[Row]:
    """A row for each of the backbone's probes."""
    rows, params = [], load_params()
    with Path("results/table.csv").open(newline="") as file:
        exact = {line["probe"]: line for line in csv.DictReader(file)}
    for name in params["probes"]:
        if split_probe(name)[0] == backbone and exact[name]["status"] == "run":
            layer = Features(features / f"{split_probe(name)[1]}.h5")
            K = gram.stream(layer.blocks(), layer.n)
            before = [float(exact[name][key]) for key in ("accuracy", "mean_accuracy", "std_accuracy")]
            after = accuracies(protocol.run([K], images, masks, params["svm"], name), images)
            rows.append(
                Row(
                    name,
                    "bfloat16: {:.4f}, {:.4f} ± {:.4f}".format(*after),
                    "float32: {:.4f}, {:.4f} ± {:.4f}".format(*before),
                    note=f"{100 * (after[1] - before[1]):+.2f} points over the splits",
                )
            )
    return rows


def main() -> None:
    """Compare for each backbone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("backbones", nargs="+")
    images, masks, rows = index.read(Path("data/index.csv")), splits.read(Path("data/splits.csv")), []
    backbones = parser.parse_args().backbones
    SCRATCH.mkdir(parents=True, exist_ok=True)
    for backbone in backbones:
        with tempfile.TemporaryDirectory(dir=SCRATCH) as folder:
            study = Study(Path(folder).absolute(), backbone)
            study.set_params(extract={"precision": "bfloat16"})
            study.extract(Path("data/images.h5").absolute())
            rows += compare(backbone, study.folder / "features", masks, images)
    keep("precision", "Accuracy in bfloat16 and in float32", rows, arguments=" ".join(backbones))


if __name__ == "__main__":
    main()
