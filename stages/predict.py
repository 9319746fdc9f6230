"""Let a trained probe say what new images are.

    python -m stages.predict --probe efficientnet_lite0/avgpool photo.jpg another.png

Reads the probe's model (`dvc repro export@<probe>` makes it), its backbone's weights and entry, `svm`
and `runtime`; the images go the way of the training images. Prints a line for each: the file, the class,
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
from stages.runtime.params import load_params, split_probe
from stages.svm import primal


def main(
    *images: str, probe: str, models: Path = Path("data/models"), weights: Path = Path("data/weights")
) -> None:
    """Print what `probe` says of the images."""
    params = load_params()
    refuse_unknown(probe, params["probes"])
    backbone, _ = split_probe(probe)
    trained, entry = primal.read(models / f"{probe}.h5"), params["backbones"][backbone]
    refuse_stale(probe, trained, entry, params)
    device = devices.choose(params["runtime"]["device"])
    viewer = Viewer(trained, entry, weights / f"{backbone}.pth", device)
    size = devices.batch_size(params["runtime"]["batch_size"], device)
    widths = max(map(len, images)), max(map(len, trained.classes))
    for start in range(0, len(images), size):
        names = images[start : start + size]
        for name, decided in zip(names, viewer(names), strict=True):
            print(line(name, decided, trained.classes, widths))


class Viewer:
    """The way of an image: pixels, network, one layer's features, decision values."""

    def __init__(
        self, trained: primal.Model, entry: Mapping[str, Any], weights: Path, device: torch.device
    ) -> None:
        if not weights.exists():
            raise StageError(
                expected=f"the backbone's weights at {weights}",
                found="no such file",
                cause="they were not fetched here, or were removed",
                do=f"dvc repro fetch_weights@{weights.stem}",
            )
        self._trained = trained
        self._network = inference.load_network(entry, weights, device, trained.precision)
        self._normalise = inference.Normalise(entry, device)
        self._computing = inference.computing(device, trained.precision)

    def __call__(self, paths: Sequence[str]) -> NDArray[np.float64]:
        """Decision values (m, k) of m image files."""
        trained = self._trained
        pixels = [decode(Path(path), trained.image_size, trained.channels) for path in paths]
        # Rounded as the features on disk are.
        storage = getattr(torch, trained.storage)
        layer = {trained.layer: trained.module}
        with self._computing, Taps(self._network, layer, storage) as taps:
            features = taps(self._normalise(np.stack(pixels)), paths)
        return trained.decide(features[trained.layer].numpy())


def refuse_unknown(probe: str, probes: list[str]) -> None:
    """Raise `StageError` unless `probe` is one layer's."""
    if probe not in probes:
        fused = probe.startswith("fusion/")
        raise StageError(
            expected=f"--probe to be one of {among(probe, probes)}",
            found=f"{probe}, {'which is several layers together' if fused else 'which is none'}",
            cause="only single layers have a model" if fused else "a misspelt name",
            do="name one of them, or add it to probes in params.yaml",
        )


def refuse_stale(
    probe: str, trained: primal.Model, entry: Mapping[str, Any], params: Mapping[str, Any]
) -> None:
    """Raise `StageError` unless the model is of the network and the SVM that params.yaml has."""
    mean, std = models.normalisation(entry)
    extract, svm = params["extract"], params["svm"]
    compared = {
        "model": (entry["model"], trained.model),
        "weights": (entry["weights"], trained.trained_weights),
        "module": (entry["layers"][trained.layer], trained.module),
        "mean": (mean, trained.mean),
        "std": (std, trained.std),
        "extract.storage": (extract["storage"], trained.storage),
        "extract.precision": (extract["precision"], trained.precision),
        "svm.normalize": (svm["normalize"], trained.normalize),
        "svm.C": (svm["C"], trained.C),
    }
    changed = {name: pair for name, pair in compared.items() if pair[0] != pair[1]}
    if changed:
        raise StageError(
            expected="a model of " + ", ".join(f"{name} {now}" for name, (now, _) in changed.items()),
            found="one of " + ", ".join(f"{name} {then}" for name, (_, then) in changed.items()),
            cause="params.yaml was changed since",
            do=f"dvc repro export@{probe}",
        )


def line(
    name: str, decided: NDArray[np.float64], classes: Sequence[str], widths: tuple[int, int]
) -> str:
    """What is printed of one image's decision values (k,)."""
    best, second = np.argsort(-decided, kind="stable")[:2]
    margin = decided[best] - decided[second]
    return f"{name:<{widths[0]}}  {classes[best]:<{widths[1]}}  {margin:<11.6g}  {classes[second]}"


if __name__ == "__main__":
    command.run(main)
