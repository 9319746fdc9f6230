"""The results as rows: one per probe of params.yaml, run or not."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from stages.core.config import split_probe


@dataclass(frozen=True)
class Row:
    """One probe. `status` is `run`, `not run` or `out of date`; only `run` comes with numbers.

    Times are wall-clock seconds, over all images for the features:
    feature = decode + read + forward up to the layer + write; svm = kernel + fit;
    softmax = kernel + compact matrix + fit.
    tuned_ is the SVM with the C of the grid that is best in a cross-validation of the training rows.
    p_ is how likely a difference at least as large would be if the row were as good as the best of its
    backbone, or of all (`story.compared`); empty for those themselves.
    The softmax_ cells are empty where the stage `softmax` has not run with the present parameters.
    Peaks are of a process's resident memory; that of `extract` is what it needs beyond the loaded model.
    """

    backbone: str
    layer: str
    status: str
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    train_accuracy: float | None = None
    feature_dim: int | None = None
    C: float | None = None
    tuned_C: float | None = None
    tuned_at_edge: bool | None = None
    tuned_accuracy: float | None = None
    tuned_balanced_accuracy: float | None = None
    cv_accuracy: float | None = None
    n_train: int | None = None
    n_test: int | None = None
    converged: bool | None = None
    p_backbone: float | None = None
    p_best: float | None = None
    softmax_accuracy: float | None = None
    softmax_converged: bool | None = None
    feature_seconds: float | None = None
    svm_seconds: float | None = None
    softmax_seconds: float | None = None
    kernel_seconds: float | None = None
    fit_seconds: float | None = None
    tuning_seconds: float | None = None
    extract_peak_bytes: int | None = None
    kernel_peak_bytes: int | None = None
    train_peak_bytes: int | None = None
    feature_machine: str | None = None
    svm_machine: str | None = None

    @property
    def probe(self) -> str:
        """Its name in `params.yaml`, such as `vgg16/pool5`."""
        return f"{self.backbone}/{self.layer}"


def collect(params: Mapping[str, Any], metrics: Path, softmax: Path, timings: Path) -> list[Row]:
    """Look up every probe of `params` among the files in the three folders.

    Files of other probes linger there and are not looked at; a probe whose files are missing or were
    made with other parameters gives a row that says so. Rows of one backbone stand together.
    """
    rows = [_row(params, probe, metrics, softmax, timings) for probe in params["probes"]]
    order = list(dict.fromkeys(row.backbone for row in rows))
    return sorted(rows, key=lambda row: order.index(row.backbone))


def having_run(rows: Sequence[Row]) -> list[Row]:
    """The rows with results."""
    return [row for row in rows if row.status == "run"]


def by_backbone(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows of each backbone, in order."""
    return [(name, list(some)) for name, some in groupby(rows, key=lambda row: row.backbone)]


def _row(params: Mapping[str, Any], probe: str, metrics: Path, softmax: Path, timings: Path) -> Row:
    backbone, layer = split_probe(probe)
    found = _load(metrics / f"{probe}.json")
    decode = _load(timings / "prepare.json")
    extract = _load(timings / "extract" / f"{backbone}.json")
    kernel = _load(timings / "kernel" / f"{probe}.json")
    train = _load(timings / "train" / f"{probe}.json")
    if not (found and decode and extract and layer in extract["layers"] and kernel and train):
        return Row(backbone, layer, "not run")
    entry = params["backbones"][backbone]
    same = {
        "model": entry["model"],
        "weights": entry["weights"],
        "module": entry["layers"][layer],
        "normalize": params["svm"]["normalize"],
    }
    wanted = {**same, **params["svm"], "grid": " ".join(f"{C:g}" for C in params["svm"]["grid"])}
    if any(found.get(key) != value for key, value in wanted.items()):
        return Row(backbone, layer, "out of date")
    spent = extract["layers"][layer]
    names = {field.name for field in fields(Row)}
    return Row(
        backbone,
        layer,
        "run",
        **{key: value for key, value in found.items() if key in names},
        feature_seconds=decode["decode_seconds"]
        + extract["read_seconds"]
        + spent["forward_seconds"]
        + spent["write_seconds"],
        svm_seconds=kernel["kernel_seconds"] + train["fit_seconds"],
        kernel_seconds=kernel["kernel_seconds"],
        fit_seconds=train["fit_seconds"],
        tuning_seconds=train["tuning_seconds"],
        extract_peak_bytes=extract["peak_bytes"] - extract["loaded_bytes"],
        kernel_peak_bytes=kernel["peak_bytes"],
        train_peak_bytes=train["peak_bytes"],
        feature_machine=extract["device"],
        svm_machine=train["machine"],
        **_softmax(probe, {**same, **params["softmax"]}, softmax, timings, kernel["kernel_seconds"]),
    )


def _softmax(
    probe: str,
    wanted: Mapping[str, Any],
    softmax: Path,
    timings: Path,
    kernel_seconds: float,
) -> dict[str, Any]:
    found, spent = _load(softmax / f"{probe}.json"), _load(timings / "softmax" / f"{probe}.json")
    if not found or not spent or any(found.get(key) != value for key, value in wanted.items()):
        return {}
    return {
        "softmax_accuracy": found["accuracy"],
        "softmax_converged": found["converged"],
        "softmax_seconds": kernel_seconds + spent["compact_seconds"] + spent["fit_seconds"],
    }


def _load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write all there is to know; cells of a row that was not run are empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        names = ["probe", *(field.name for field in fields(Row))]
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({"probe": row.probe, **asdict(row)})
