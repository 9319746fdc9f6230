"""Train and test the linear SVM of several layers together.

    dvc repro fuse@networks

Reads the kernels of the layers that `fusions.<name>` lists; their sum, each scaled by its trace over the
training rows, is the kernel of their features put side by side. Then all is as in `train`; writes the
same files, under the name fusion/<name>.
"""

from pathlib import Path

from stages.dataset import splits
from stages.runtime import command
from stages.runtime.params import load_params
from stages.runtime.provenance import ORIGIN
from stages.svm import protocol, records
from stages.svm.inputs import load


def main(
    name: str, *, kernels: Path, rows: Path, further: Path, metrics: Path, predictions: Path,
    curve: Path, trials: Path, timings: Path,
) -> None:  # fmt: skip
    """Write all that is to be known of the fusion `name`."""
    params = load_params()
    settings, probes = params["svm"], params["fusions"][name]
    loaded = [
        load(p, f"fuse@{name}", kernel=kernels / f"{p}.h5", rows=rows, normalize=settings["normalize"])
        for p in probes
    ]
    members, images = [K for K, _, _ in loaded], loaded[0][2]
    found = protocol.run(members, images, splits.read(further), settings, f"fusion/{name}")
    facts = {
        "members": " ".join(probes),
        "feature_dim": sum(about["feature_dim"] for _, about, _ in loaded),
        **{key: " ".join(about[key] for _, about, _ in loaded) for key in ORIGIN},
    }
    records.write(
        found, images, {**settings, **facts},
        metrics=metrics, predictions=predictions, curve=curve, trials=trials, timings=timings,
    )  # fmt: skip


if __name__ == "__main__":
    command.run(main)
