"""Classify new images with the SVM of a probe.

    python -m stages.predict --probe efficientnet_lite0/avgpool photo.jpg another.png

Reads the SVM that `dvc repro export@<probe>` writes, the weights and entry of its backbone, `svm` and
`runtime`. Images are processed like the training images. Prints one line per image: the file, the class,
its margin (the difference of the two largest decision values) and the runner-up.
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
from stages.runtime.view import View, view_of
from stages.svm import primal
from stages.svm.primal import LinearSVM


def main(*images: str, probe: str, paths: Paths) -> None:
    """Print the predicted class of each image."""
    params = load_params()
    refuse_unknown(probe, params)
    parsed = Probe.parse(probe)
    svm = primal.read(paths.primal(parsed), parsed)
    refuse_stale(svm, params)
    device = devices.choose(params["runtime"]["device"])
    entry, weights = params["backbones"][parsed.backbone], paths.weights(parsed.backbone)
    classifier = Classifier(svm, entry, view_of(params, parsed.backbone), weights, device)
    size = devices.batch_size(params["runtime"]["batch_size"], device)
    widths = max(map(len, images)), max(map(len, svm.classes))
    for start in range(0, len(images), size):
        names = images[start : start + size]
        for name, decisions in zip(names, classifier(names), strict=True):
            print(line(name, decisions, svm.classes, widths))


class Classifier:
    """Decision values of image files; raises `StageError` if the file `weights` does not exist."""

    def __init__(
        self, svm: LinearSVM, entry: Mapping[str, Any], view: View, weights: Path, device: torch.device
    ) -> None:
        if not weights.exists():
            raise StageError(
                expected=f"the backbone's weights at {weights}",
                found="no such file",
                cause="the weights were not fetched, or were removed",
                do=f"dvc repro fetch_weights@{weights.stem}",
            )
        self._svm, self._provenance, self._view = svm, svm.provenance, view
        self._network = inference.load_network(entry, weights, device, svm.provenance.precision)
        self._normalise = inference.Normalise(entry, device)
        self._computing = inference.computing(device, svm.provenance.precision)

    def __call__(self, paths: Sequence[str]) -> NDArray[np.float64]:
        """Return decision values (m, k) of m image files."""
        pixels = [decode(Path(path), self._view, self._svm.channels) for path in paths]
        # Features are rounded to `storage`, as the training features on disk are.
        storage, layer = getattr(torch, self._provenance.storage), self._provenance.probe.layer
        tapped = {layer: self._provenance.tap}
        with self._computing, Taps(self._network, tapped, storage) as taps:
            features = taps(self._normalise(np.stack(pixels)), paths)
        return self._svm.decide(features[layer].numpy())


def refuse_unknown(probe: str, params: Mapping[str, Any]) -> None:
    """Raise `StageError` unless `probe` is one of `predict.probes`, whose weights are exported."""
    exported, probes = params["predict"]["probes"], params["probes"]
    if probe in exported:
        return
    if probe in probes:
        raise StageError(
            expected=f"--probe to be one of predict.probes: {', '.join(exported) or 'none'}",
            found=f"{probe}, whose weights are not exported",
            cause="weights are exported only where they are asked for",
            do=f"add {probe} to predict.probes in params.yaml, then dvc repro export@{probe}",
        )
    fused = Probe.parse(probe).fused
    raise StageError(
        expected=f"--probe to be one of {among(probe, probes)}",
        found=f"{probe}, which is {'several layers together' if fused else 'not one of them'}",
        cause="only single layers have weights" if fused else "a misspelt name",
        do="choose one of these probes"
        + ("" if fused else ", or add this probe to probes and to predict.probes in params.yaml"),
    )


def refuse_stale(svm: LinearSVM, params: Mapping[str, Any]) -> None:
    """Raise `StageError` unless network, features and SVM settings are those of params.yaml.

    Of the settings by which C was chosen, only the grid is compared.
    """
    provenance, probe = svm.provenance, svm.provenance.probe
    mean, std = map(tuple, models.normalisation(params["backbones"][probe.backbone]))
    grid, normalize = params["svm"]["grid"], params["svm"]["normalize"]
    trained = {**provenance.record(), "mean": provenance.mean, "std": provenance.std}
    differences = changed(
        {**trained, "normalize": svm.normalize, "relative_C": svm.relative_C},
        {
            **requested(params, probe),
            "mean": mean,
            "std": std,
            "normalize": normalize,
            "relative_C": svm.relative_C
            if svm.relative_C in grid
            else f"of {', '.join(f'{C:g}' for C in grid)}",
        },
    )
    if differences:
        raise StageError(
            expected="weights for " + ", ".join(f"{key} {now}" for key, (_, now) in differences.items()),
            found="weights for " + ", ".join(f"{key} {then}" for key, (then, _) in differences.items()),
            cause="params.yaml was changed after the export",
            do=f"dvc repro export@{probe}",
        )


def line(
    name: str, decisions: NDArray[np.float64], classes: Sequence[str], widths: tuple[int, int]
) -> str:
    """Return the output line of one image, from its decision values (k,)."""
    best, second = np.argsort(-decisions, kind="stable")[:2]
    margin = decisions[best] - decisions[second]
    return f"{name:<{widths[0]}}  {classes[best]:<{widths[1]}}  {margin:<11.6g}  {classes[second]}"


if __name__ == "__main__":
    command.run(main)
