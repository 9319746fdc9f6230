"""Classify new images with the SVM of a probe.

    python -m stages.predict --probe efficientnet_lite0/avgpool photo.jpg another.png

Reads the probe's SVM (`dvc repro export@<probe>` makes it), its backbone's weights and entry, `svm` and
`runtime`; the images go the way of the training images. Prints a line for each: the file, the class,
its margin (the decision value over that of the runner-up), and the runner-up.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stages.dataset.pixels import decode
from stages.networks import inference, models
from stages.networks.taps import Taps
from stages.runtime import command, devices
from stages.runtime.errors import StageError, among
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.runtime.provenance import changed, requested
from stages.svm import primal
from stages.svm.primal import LinearSVM


def main(*images: str, probe: str, paths: Paths) -> None:
    """Print the predicted class of each image."""
    params = load_params()
    refuse_unknown(probe, params["probes"])
    asked = Probe.parse(probe)
    svm = primal.read(paths.primal(asked), asked)
    refuse_stale(svm, params)
    device = devices.choose(params["runtime"]["device"])
    entry, weights = params["backbones"][asked.backbone], paths.weights(asked.backbone)
    classifier = Classifier(svm, entry, weights, device)
    size = devices.batch_size(params["runtime"]["batch_size"], device)
    widths = max(map(len, images)), max(map(len, svm.classes))
    for start in range(0, len(images), size):
        names = images[start : start + size]
        for name, decisions in zip(names, classifier(names), strict=True):
            print(line(name, decisions, svm.classes, widths))


class Classifier:
    """From image files to decision values: pixels, network, one layer's features, SVM."""

    def __init__(
        self, svm: LinearSVM, entry: Mapping[str, Any], weights: Path, device: torch.device
    ) -> None:
        if not weights.exists():
            raise StageError(
                expected=f"the backbone's weights at {weights}",
                found="no such file",
                cause="they were not fetched here, or were removed",
                do=f"dvc repro fetch_weights@{weights.stem}",
            )
        self._svm, self._made = svm, svm.provenance
        self._network = inference.load_network(entry, weights, device, self._made.precision)
        self._normalise = inference.Normalise(entry, device)
        self._computing = inference.computing(device, self._made.precision)

    def __call__(self, paths: Sequence[str]) -> NDArray[np.float64]:
        """Decision values (m, k) of m image files."""
        size, channels = self._svm.image_size, self._svm.channels
        pixels = [decode(Path(path), size, channels) for path in paths]
        # Rounded as the features on disk are.
        storage, layer = getattr(torch, self._made.storage), self._made.probe.layer
        with self._computing, Taps(self._network, {layer: self._made.module}, storage) as taps:
            features = taps(self._normalise(np.stack(pixels)), paths)
        return self._svm.decide(features[layer].numpy())


def refuse_unknown(probe: str, probes: list[str]) -> None:
    """Raise `StageError` unless `probe` is one layer's."""
    if probe not in probes:
        fused = Probe.parse(probe).fused
        raise StageError(
            expected=f"--probe to be one of {among(probe, probes)}",
            found=f"{probe}, {'which is several layers together' if fused else 'which is none'}",
            cause="only single layers have weights" if fused else "a misspelt name",
            do="name one of them, or add it to probes in params.yaml",
        )


def refuse_stale(svm: LinearSVM, params: Mapping[str, Any]) -> None:
    """Raise `StageError` unless the SVM is what params.yaml asks for: network, features and SVM."""
    made, probe = svm.provenance, svm.provenance.probe
    mean, std = map(tuple, models.normalisation(params["backbones"][probe.backbone]))
    settings = {key: params["svm"][key] for key in ("normalize", "C")}
    found = {**made.record(), "mean": made.mean, "std": made.std}
    differences = changed(
        {**found, **{key: getattr(svm, key) for key in settings}},
        {**requested(params, probe), "mean": mean, "std": std, **settings},
    )
    if differences:
        raise StageError(
            expected="weights for " + ", ".join(f"{key} {now}" for key, (_, now) in differences.items()),
            found="weights for " + ", ".join(f"{key} {then}" for key, (then, _) in differences.items()),
            cause="params.yaml was changed since",
            do=f"dvc repro export@{probe}",
        )


def line(
    name: str, decisions: NDArray[np.float64], classes: Sequence[str], widths: tuple[int, int]
) -> str:
    """What is printed of one image's decision values (k,)."""
    best, second = np.argsort(-decisions, kind="stable")[:2]
    margin = decisions[best] - decisions[second]
    return f"{name:<{widths[0]}}  {classes[best]:<{widths[1]}}  {margin:<11.6g}  {classes[second]}"


if __name__ == "__main__":
    command.run(main)
