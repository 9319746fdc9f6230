"""Train and test the linear SVM of one layer with the C that cross-validation chooses.

    dvc repro tune@vgg16/pool5

Reads the layer's kernel, the index, the random splits and all of `svm` but `svm.C`. On the headline
split and on each random split, cross-validation on the training rows chooses a C of `svm.grid`. Writes
what `train` writes, to data/svm/tuned/<b>/<layer>/, and besides:
- curve.csv, there: cross-validation accuracy against C, on the headline split;
- data/dual/<b>/<layer>.h5: the SVM of the headline split.
"""

from stages.dataset import splits
from stages.runtime import command
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import dual
from stages.svm.evaluate import evaluate
from stages.svm.tuning import Tuned


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the results and the SVM of `probe`."""
    evaluation, (given,) = evaluate(Tuned, probe, [probe], f"tune@{probe}", paths)
    curve = evaluation.headline.curve
    assert curve is not None  # `Tuned` always draws one
    attributes = {
        "rows": given.provenance.rows,
        "split": splits.digest([given.index.split]),
        "normalize": given.normalize,
        "C": curve.C,
        "relative_C": curve.relative_C,
    }
    dual.write(paths.dual(probe), evaluation.headline.svm, attributes)


if __name__ == "__main__":
    command.run(main)
