"""Train and test the linear SVM of one layer.

    dvc repro train@vgg16/pool5

Reads the layer's kernel, the index, the random splits and `svm`. On the headline split and on each
random split, trains one SVM with the fixed `svm.C` and one with the C of `svm.grid` that
cross-validation on the training rows selects; predicts the test rows. Writes, for <b>/<layer>:
- results/metrics/*.json: the numbers, and results/runs/*.json: what they were made with;
- results/splits/*.csv: one line per random split;
- of the headline split results/predictions/*.csv (one line per test image), results/curves/*.csv
  (cross-validation accuracy against C) and, with the fixed C, data/dual/*.h5.
"""

from stages.dataset import splits
from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import dual, inputs, protocol, records


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the results and the SVM of `probe`."""
    settings = load_params()["svm"]
    given = inputs.load(probe, f"train@{probe}", paths, normalize=settings["normalize"])
    masks = splits.read(paths.random_splits)
    evaluation = protocol.run([given.K], given.index, masks, settings, str(probe))
    provenance = given.provenance
    facts = {**provenance.record(), "feature_dim": provenance.feature_dim, **settings}
    records.write(probe, evaluation, given.index, facts, paths)
    attributes = {
        "rows": provenance.rows,
        "split": splits.digest(given.index.train),
        "normalize": settings["normalize"],
        "C": settings["C"],
    }
    dual.write(paths.dual(probe), evaluation.svm, attributes)


if __name__ == "__main__":
    command.run(main)
