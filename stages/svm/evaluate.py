"""What `train`, `fuse`, `tune` and `tune_fusion` have in common: inputs, protocol, results."""

from collections.abc import Sequence

from stages.dataset import splits
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.svm import inputs, protocol, records
from stages.svm.inputs import Inputs


def evaluate(
    trainer: type[protocol.Trainer], probe: Probe, members: Sequence[Probe], stage: str, paths: Paths
) -> tuple[protocol.Evaluation, list[Inputs]]:
    """Run the protocol of `trainer` on `probe` and write its results; return both and the inputs.

    `members` are the layers of a fusion, or the one layer `probe`; `stage` is DVC's name of the stage.
    Raises the errors of `inputs.load` and of `protocol.run`.
    """
    svm = load_params()["svm"]
    settings = {key: svm[key] for key in trainer.SETTINGS}
    given = [inputs.load(one, stage, paths, normalize=svm["normalize"]) for one in members]
    kernels, index, random = [one.K for one in given], given[0].index, splits.read(paths.random_splits)
    evaluation = protocol.run(kernels, index, random, trainer(**settings), stage)
    facts = {**inputs.describe(given), **settings, "normalize": svm["normalize"]}
    records.write(probe, trainer.PROTOCOL, evaluation, index, facts, paths)
    return evaluation, given
