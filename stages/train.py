"""Train and test the linear SVM of one layer with the fixed C.

    dvc repro train@vgg16/pool5

Reads the layer's kernel, the index, the random splits and `svm.C`, `normalize` and `solver`. Trains one
SVM on the headline split and one on each random split; predicts the test rows. Writes to
data/svm/fixed/<b>/<layer>/:
- metrics.json: the numbers, and run.json: what they were made with;
- splits.csv: one line per random split;
- predictions.csv: one line per test image of the headline split.
"""

from stages.runtime import command
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm.evaluate import evaluate
from stages.svm.protocol import Fixed


def main(probe: Probe, *, paths: Paths) -> None:
    """Write the results of `probe`."""
    evaluate(Fixed, probe, [probe], f"train@{probe}", paths)


if __name__ == "__main__":
    command.run(main)
