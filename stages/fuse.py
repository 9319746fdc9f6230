"""Train and test the linear SVM of several layers together.

    dvc repro fuse@networks

Reads the kernels of the layers that `fusions.<name>` lists. Each kernel is scaled by its trace over the
training rows; the sum is the kernel of the concatenated features. Everything else is as in `train`.
Writes the same results under the name fusion/<name>, without data/dual.
"""

from stages.dataset import splits
from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import FUSION, Probe
from stages.runtime.provenance import joined
from stages.svm import inputs, protocol, records


def main(name: str, *, paths: Paths) -> None:
    """Write the results of the fusion `name`."""
    params = load_params()
    settings, fusion = params["svm"], Probe(FUSION, name)
    members = [
        inputs.load(Probe.parse(member), f"fuse@{name}", paths, normalize=settings["normalize"])
        for member in params["fusions"][name]
    ]
    kernels, index = [member.K for member in members], members[0].index
    evaluation = protocol.run(kernels, index, splits.read(paths.random_splits), settings, str(fusion))
    facts = {
        "members": " ".join(params["fusions"][name]),
        **joined([member.provenance.record() for member in members]),
        "feature_dim": sum(member.provenance.feature_dim for member in members),
        **settings,
    }
    records.write(fusion, evaluation, index, facts, paths)


if __name__ == "__main__":
    command.run(main)
