"""The results as rows: one per probe and fusion of params.yaml, run or not."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

from stages.runtime import files
from stages.runtime.files import read_json
from stages.runtime.params import flat
from stages.runtime.paths import Paths
from stages.runtime.probe import FUSION, Probe
from stages.runtime.provenance import changed, joined, requested


@dataclass(frozen=True)
class Row:
    """One probe, or one fusion. `status` is `run`, `not run` or `out of date`; only `run` has numbers.

    Accuracies are of the headline split; mean_ and std_ are over the random splits.
    tuned_ is the SVM with the C of the grid that is best in a cross-validation of the training rows.
    distinct_accuracy is without the n_twins test images of which there is a duplicate in training.
    mcnemar_ and resampled_t_ are p-values, adjusted: how likely a difference at least as large would be
    if the row were as good as the best layer of its backbone, or of all (`ranking.compared`); empty for
    those themselves.
    Times are wall-clock seconds, over all images for the features:
    feature = decode + read + forward up to the layer, or writing where that takes longer beside it, +
    joining the file; svm = kernel + fit; all = the whole protocol, on all cores; softmax = kernel +
    compact matrix + fit. A fusion takes what its layers take: one pass of each backbone, all their
    kernels.
    The softmax_ cells are empty where the stage `softmax` has not run with the present parameters.
    Peaks are of resident memory; that of `extract` is what it needs beyond the loaded model, that of
    `train` is of all its processes together.
    """

    backbone: str
    layer: str
    status: str
    members: str | None = None
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    distinct_accuracy: float | None = None
    train_accuracy: float | None = None
    mean_accuracy: float | None = None
    std_accuracy: float | None = None
    mean_balanced_accuracy: float | None = None
    std_balanced_accuracy: float | None = None
    feature_dim: int | None = None
    C: float | None = None
    tuned_C: float | None = None
    tuned_at_edge: bool | None = None
    tuned_accuracy: float | None = None
    tuned_balanced_accuracy: float | None = None
    mean_tuned_accuracy: float | None = None
    std_tuned_accuracy: float | None = None
    mean_tuned_balanced_accuracy: float | None = None
    std_tuned_balanced_accuracy: float | None = None
    cv_accuracy: float | None = None
    n_train: int | None = None
    n_test: int | None = None
    n_twins: int | None = None
    splits: int | None = None
    converged: bool | None = None
    mcnemar_backbone: float | None = None
    mcnemar_best: float | None = None
    resampled_t_backbone: float | None = None
    resampled_t_best: float | None = None
    softmax_accuracy: float | None = None
    softmax_converged: bool | None = None
    feature_seconds: float | None = None
    svm_seconds: float | None = None
    softmax_seconds: float | None = None
    kernel_seconds: float | None = None
    fit_seconds: float | None = None
    all_seconds: float | None = None
    extract_peak_bytes: int | None = None
    kernel_peak_bytes: int | None = None
    train_peak_bytes: int | None = None
    feature_machine: str | None = None
    svm_machine: str | None = None

    @property
    def probe(self) -> str:
        """Its name, such as `vgg16/pool5` or `fusion/networks`."""
        return f"{self.backbone}/{self.layer}"

    @property
    def fused(self) -> bool:
        """Whether it is a fusion of several layers."""
        return self.backbone == FUSION


@dataclass(frozen=True)
class Sources:
    """The files, and the digests (`splits.digest`) of the headline split and of all splits."""

    paths: Paths
    headline_digest: str
    split_digest: str


def collect(params: Mapping[str, Any], sources: Sources) -> list[Row]:
    """Look up every probe and fusion of `params` among the files.

    Files of other probes linger there and are not looked at; a probe whose files are missing or were
    made with other parameters gives a row that says so. Rows of one backbone stand together, fusions
    come last.
    """
    rows = [_row(params, probe, sources) for probe in params["probes"]]
    order = list(dict.fromkeys(row.backbone for row in rows))
    rows.sort(key=lambda row: order.index(row.backbone))
    named = {row.probe: row for row in rows}
    fusions = [
        _fused(params, name, [named[probe] for probe in probes], sources)
        for name, probes in params["fusions"].items()
    ]
    return rows + fusions


def single_layers(rows: Sequence[Row]) -> list[Row]:
    """The rows that are one layer, not a fusion."""
    return [row for row in rows if not row.fused]


def having_run(rows: Sequence[Row]) -> list[Row]:
    """The rows with results."""
    return [row for row in rows if row.status == "run"]


def by_backbone(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """The rows of each backbone, in order."""
    return [(name, list(some)) for name, some in groupby(rows, key=lambda row: row.backbone)]


def _row(params: Mapping[str, Any], probe: str, sources: Sources) -> Row:
    paths, named = sources.paths, Probe.parse(probe)
    backbone, layer = named.backbone, named.layer
    found = read_json(paths.metrics(named))
    decode = read_json(paths.timings("decode"))
    extract = read_json(paths.timings("extract", backbone))
    kernel = read_json(paths.timings("gram", probe))
    train = read_json(paths.timings("train", probe))
    if not (found and decode and extract and layer in extract["layers"] and kernel and train):
        return Row(backbone, layer, "not run")
    same = identity(params, [probe])
    if not _up_to_date(found, params, same, sources):
        return Row(backbone, layer, "out of date")
    return Row(
        backbone,
        layer,
        "run",
        **_numbers(found, train),
        feature_seconds=decode["decode_seconds"] + _pass_seconds(extract, [layer]),
        svm_seconds=kernel["kernel_seconds"] + train["fit_seconds"],
        kernel_seconds=kernel["kernel_seconds"],
        extract_peak_bytes=extract["peak_bytes"] - extract["loaded_bytes"],
        kernel_peak_bytes=kernel["peak_bytes"],
        feature_machine=extract["device"],
        **_softmax(params, probe, same, sources, kernel["kernel_seconds"]),
    )


def _fused(params: Mapping[str, Any], name: str, members: Sequence[Row], sources: Sources) -> Row:
    probes = [row.probe for row in members]
    paths = sources.paths
    found = read_json(paths.metrics(Probe(FUSION, name)))
    train = read_json(paths.timings("fuse", name))
    if not (found and train):
        return Row(FUSION, name, "not run", " ".join(probes))
    same = {**identity(params, probes), "members": " ".join(probes)}
    stale = any(row.status != "run" for row in members)
    if stale or not _up_to_date(found, params, same, sources):
        return Row(FUSION, name, "out of date", " ".join(probes))
    passes = [
        _pass_seconds(read_json(paths.timings("extract", backbone)), [row.layer for row in some])
        for backbone, some in by_backbone(sorted(members, key=lambda row: row.backbone))
    ]
    kernel = sum(row.kernel_seconds or 0.0 for row in members)
    return Row(
        FUSION,
        name,
        "run",
        **_numbers(found, train),
        feature_seconds=read_json(paths.timings("decode"))["decode_seconds"] + sum(passes),
        svm_seconds=kernel + train["fit_seconds"],
        kernel_seconds=kernel,
        feature_machine="; ".join(sorted({row.feature_machine or "" for row in members})),
    )


def _pass_seconds(extract: Mapping[str, Any], names: Sequence[str]) -> float:
    """What one pass costs that is cut at the deepest of these layers and writes them all beside it."""
    spent = [extract["layers"][name] for name in names]
    forward = max(layer["forward_seconds"] for layer in spent)
    copying, writing, joining = (
        sum(layer[f"{what}_seconds"] for layer in spent) for what in ("copy", "write", "join")
    )
    return float(extract["read_seconds"] + max(forward + copying, writing) + joining)


def identity(params: Mapping[str, Any], probes: Sequence[str]) -> dict[str, Any]:
    """What the files of these probes say if they were made with the present parameters."""
    records = [requested(params, Probe.parse(probe)) for probe in probes]
    return {**joined(records), "normalize": params["svm"]["normalize"]}


def _up_to_date(
    found: Mapping[str, Any], params: Mapping[str, Any], same: Mapping[str, Any], sources: Sources
) -> bool:
    return _holds(found, {**same, **flat(params["svm"]), "split_digest": sources.split_digest})


def _numbers(found: Mapping[str, Any], train: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(Row)}
    return {
        **{key: value for key, value in found.items() if key in names},
        "fit_seconds": train["fit_seconds"],
        "all_seconds": train["all_seconds"],
        "train_peak_bytes": train["peak_bytes"] + train["worker_bytes"],
        "svm_machine": train["processor"],
    }


def _softmax(
    params: Mapping[str, Any],
    probe: str,
    same: Mapping[str, Any],
    sources: Sources,
    kernel_seconds: float,
) -> dict[str, Any]:
    wanted = {**same, **params["softmax"], "split_digest": sources.headline_digest}
    found = read_json(sources.paths.softmax(Probe.parse(probe)))
    spent = read_json(sources.paths.timings("softmax", probe))
    if not found or not spent or not _holds(found, wanted):
        return {}
    return {
        "softmax_accuracy": found["accuracy"],
        "softmax_converged": found["converged"],
        "softmax_seconds": kernel_seconds + spent["map_seconds"] + spent["fit_seconds"],
    }


def _holds(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return not changed(found, wanted)


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write all there is to know; cells of a row that was not run are empty."""
    names = [field.name for field in fields(Row)]
    files.write_csv(path, ["probe", *names], ([row.probe, *astuple(row)] for row in rows))
