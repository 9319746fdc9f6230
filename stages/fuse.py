"""Train and test the linear SVM of several layers together, with the fixed C.

    dvc repro fuse@networks

Reads the kernels of the layers that `fusions.<name>` lists. Each kernel is scaled by its trace over the
training rows; the sum is the kernel of the concatenated features. Everything else is as in `train`.
Writes the same results under the name fusion/<name>.
"""

from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import FUSION, Probe
from stages.svm.evaluate import evaluate
from stages.svm.protocol import Fixed


def main(name: str, *, paths: Paths) -> None:
    """Write the results of the fusion `name`."""
    members = [Probe.parse(probe) for probe in load_params()["fusions"][name]]
    evaluate(Fixed, Probe(FUSION, name), members, f"fuse@{name}", paths)


if __name__ == "__main__":
    command.run(main)
