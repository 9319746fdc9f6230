"""The table of results: one row per probe of params.yaml, run or not."""

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from stages.core.config import split_probe

DATA = {
    "scene15": "15 Scene, published split",
    "folder": "Own images",
    "synthetic": "Generated scenes (these accuracies say nothing about photographs)",
}


@dataclass(frozen=True)
class Row:
    """One probe. `status` is `run`, `not run` or `out of date`; only `run` comes with numbers.

    Times are wall-clock seconds, over all images for the features:
    feature = decode + read + forward up to the layer + write; svm = kernel + fit.
    Peaks are of a process's resident memory; that of `extract` is what it needs beyond the loaded model.
    """

    backbone: str
    layer: str
    status: str
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    feature_dim: int | None = None
    C: float | None = None
    n_train: int | None = None
    n_test: int | None = None
    converged: bool | None = None
    feature_seconds: float | None = None
    svm_seconds: float | None = None
    kernel_seconds: float | None = None
    fit_seconds: float | None = None
    extract_peak_bytes: int | None = None
    kernel_peak_bytes: int | None = None
    train_peak_bytes: int | None = None
    feature_machine: str | None = None
    svm_machine: str | None = None


def collect(params: Mapping[str, Any], metrics: Path, timings: Path) -> list[Row]:
    """Look up every probe of `params` among the files in the folders `metrics` and `timings`.

    Files of other probes linger there and are not looked at; a probe whose files are missing or were
    made with other parameters gives a row that says so. Rows of one backbone stand together.
    """
    rows = [_row(params, probe, metrics, timings) for probe in params["probes"]]
    order = list(dict.fromkeys(row.backbone for row in rows))
    return sorted(rows, key=lambda row: order.index(row.backbone))


def by_backbone(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows of each backbone, in order."""
    return [(name, list(some)) for name, some in groupby(rows, key=lambda row: row.backbone)]


def _row(params: Mapping[str, Any], probe: str, metrics: Path, timings: Path) -> Row:
    backbone, layer = split_probe(probe)
    found = _load(metrics / f"{probe}.json")
    decode = _load(timings / "prepare.json")
    extract = _load(timings / "extract" / f"{backbone}.json")
    kernel = _load(timings / "kernel" / f"{probe}.json")
    train = _load(timings / "train" / f"{probe}.json")
    if not (found and decode and extract and layer in extract["layers"] and kernel and train):
        return Row(backbone, layer, "not run")
    entry = params["backbones"][backbone]
    wanted = {
        "model": entry["model"],
        "weights": entry["weights"],
        "module": entry["layers"][layer],
        "C": params["svm"]["C"],
        "normalize": params["svm"]["normalize"],
    }
    if any(found[key] != value for key, value in wanted.items()):
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
        extract_peak_bytes=extract["peak_bytes"] - extract["loaded_bytes"],
        kernel_peak_bytes=kernel["peak_bytes"],
        train_peak_bytes=train["peak_bytes"],
        feature_machine=extract["device"],
        svm_machine=train["machine"],
    )


def _load(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write all there is to know; cells of a row that was not run are empty."""
    with path.open("w", newline="", encoding="utf-8") as file:
        names = ["probe", *(field.name for field in fields(Row))]
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({"probe": f"{row.backbone}/{row.layer}", **asdict(row)})


def markdown(rows: Sequence[Row], params: Mapping[str, Any]) -> str:
    """The study's table, one block per backbone, and what one must know to read it."""
    blocks = [_block(name, some, params) for name, some in by_backbone(rows)]
    return "\n".join(["# Which layer?", "", *_protocol(rows, params), *blocks, *_reading(rows)])


def _protocol(rows: Sequence[Row], params: Mapping[str, Any]) -> list[str]:
    sizes = sorted({(row.n_train, row.n_test) for row in rows if row.n_train and row.n_test})
    data = DATA[params["data"]["source"]]
    counts = "; ".join(f"{train:,} training and {test:,} test images" for train, test in sizes)
    svm = f"C = {params['svm']['C']:g}, normalize: {params['svm']['normalize']}"
    lines = [f"{data}: {counts or 'nothing was run yet'}. SVM: {svm}.", ""]
    absent = {
        name: Counter(row.status for row in some if row.status != "run")
        for name, some in by_backbone(rows)
    }
    for name, statuses in absent.items():
        for status, count in statuses.items():
            lines += [f"**{name}: {count} of its probes {status}.**", ""]
    return lines


def _block(backbone: str, rows: Sequence[Row], params: Mapping[str, Any]) -> str:
    entry = params["backbones"][backbone]
    best = max((row.accuracy for row in rows if row.accuracy is not None), default=None)
    lines = [
        f"## {backbone}",
        "",
        f"`{entry['model']}`, weights `{entry['weights']}`",
        "",
        "| Layer | Accuracy | Feature Dim | Feature Time | SVM Train Time |",
        "|---|---:|---:|---:|---:|",
    ]
    return "\n".join([*lines, *(_line(row, best) for row in rows), ""])


def _line(row: Row, best: float | None) -> str:
    if row.status != "run":
        return f"| {row.layer} | {row.status} | | | |"
    accuracy = f"{row.accuracy:.4f}" + ("" if row.converged else " (not converged)")
    if row.accuracy == best:
        accuracy = f"**{accuracy}**"
    times = f"{row.feature_seconds:.2f} s | {row.svm_seconds:.2f} s"
    return f"| {row.layer} | {accuracy} | {row.feature_dim:,} | {times} |"


def _memory(rows: Sequence[Row]) -> list[str]:
    run = [row for row in rows if row.status == "run"]
    if not run:
        return []
    extract, kernel, train = (
        f"{max(getattr(row, f'{stage}_peak_bytes') for row in run) / 2**30:.2f} GiB in `{stage}`"
        for stage in ("extract", "kernel", "train")
    )
    line = f"*Peak memory*, the most of any row: {extract} beyond the loaded model, {kernel}, {train}."
    return [line, ""]


def _reading(rows: Sequence[Row]) -> list[str]:
    machines = sorted({m for row in rows for m in (row.feature_machine, row.svm_machine) if m})
    return [
        "*Accuracy*: share of test images that are right; the best of each backbone is bold. "
        "*Feature Time*: what a pass cut at this layer costs for all images: decode, forward, write. "
        "*SVM Train Time*: Gram matrix and fit. "
        f"Measured on: {'; '.join(machines) or 'nothing'}.",
        "",
        *_memory(rows),
        "More columns: `table.csv`; per probe: `metrics/`, `predictions/`.",
        "",
    ]
