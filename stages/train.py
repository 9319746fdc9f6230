"""Train and test the linear SVM of one layer.

    dvc repro train@vgg16/pool5

Reads the layer's kernel, the index, the random splits and `svm`. On the headline split and on each
random one: trains on the training rows, with the fixed `svm.C` and with the C of `svm.grid` that
cross-validation inside the training rows finds best, and predicts the test rows. Writes
results/metrics/<b>/<layer>.json, results/splits/<b>/<layer>.csv (one line per random split), and of the
headline split results/curves/<b>/<layer>.csv (accuracy against C in the cross-validation) and, for the
fixed C, results/predictions/<b>/<layer>.csv (one line per test image) and data/machines/<b>/<layer>.h5.
"""

from pathlib import Path

from stages.dataset import splits
from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.provenance import ORIGIN
from stages.svm import dual, protocol, records
from stages.svm.inputs import load


def main(
    probe: str, *, kernel: Path, rows: Path, further: Path, machine: Path, metrics: Path,
    predictions: Path, curve: Path, trials: Path, timings: Path,
) -> None:  # fmt: skip
    """Write all that is to be known of `probe`."""
    settings = load_params()["svm"]
    normalize = settings["normalize"]
    K, about, images = load(probe, f"train@{probe}", kernel=kernel, rows=rows, normalize=normalize)
    found = protocol.run([K], images, splits.read(further), settings, probe)
    facts = {key: about[key] for key in ("feature_dim", *ORIGIN)}
    records.write(
        found, images, {**settings, **facts},
        metrics=metrics, predictions=predictions, curve=curve, trials=trials, timings=timings,
    )  # fmt: skip
    dual.write(
        machine,
        found.machine,
        {
            "rows": about["rows"],
            "split": splits.digest(images.train),
            "normalize": normalize,
            "C": settings["C"],
        },
    )


if __name__ == "__main__":
    command.run(main)
