"""Train and test the linear SVM of several layers together, with the C that cross-validation chooses.

    dvc repro tune_fusion@networks

Reads the kernels of the layers that `fusions.<name>` lists, and joins them as `fuse` does. Everything
else is as in `tune`. Writes the same results under the name fusion/<name>, without data/dual.
"""

from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import FUSION, Probe
from stages.svm.evaluate import evaluate
from stages.svm.tuning import Tuned


def main(name: str, *, paths: Paths) -> None:
    """Write the results of the fusion `name`."""
    members = [Probe.parse(probe) for probe in load_params()["fusions"][name]]
    evaluate(Tuned, Probe(FUSION, name), members, f"tune_fusion@{name}", paths)


if __name__ == "__main__":
    command.run(main)
