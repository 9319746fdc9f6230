"""The table of results: one row for each probe and each fusion of params.yaml, run or not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from stages.runtime import files
from stages.runtime.probe import Probe

# The order of the columns in results/table.csv.
COLUMNS = """
    probe backbone layer status members accuracy balanced_accuracy distinct_accuracy train_accuracy
    mean_accuracy std_accuracy mean_balanced_accuracy std_balanced_accuracy feature_dim C tuned_C
    tuned_at_edge tuned_accuracy tuned_balanced_accuracy mean_tuned_accuracy std_tuned_accuracy
    mean_tuned_balanced_accuracy std_tuned_balanced_accuracy cv_accuracy n_train n_test n_duplicates
    splits converged mcnemar_backbone mcnemar_best resampled_t_backbone resampled_t_best
    softmax_accuracy softmax_converged feature_seconds svm_seconds softmax_seconds kernel_seconds
    fit_seconds all_seconds extract_peak_bytes kernel_peak_bytes train_peak_bytes feature_processor
    svm_processor
""".split()  # noqa: SIM905 a long list reads better as words


@dataclass(frozen=True)
class Memory:
    """Peaks of resident memory: `extract` beyond the loaded model, and `gram`."""

    extract_peak_bytes: int
    kernel_peak_bytes: int


@dataclass(frozen=True)
class Softmax:
    """Softmax regression on a layer's features; `seconds` are those of kernel, feature map and fit."""

    accuracy: float
    converged: bool
    seconds: float


@dataclass(frozen=True)
class Distinct:
    """The accuracy without the `n_duplicates` test images that have a duplicate in training.

    The accuracy is None if no test image is left.
    """

    accuracy: float | None
    n_duplicates: int


@dataclass(frozen=True)
class PValues:
    """The adjusted p-values of `ranking.compared`; None for the best layer itself.

    Each is the probability of a difference at least as large if the result were as good as the best
    layer of its backbone, or of all backbones.
    """

    mcnemar_backbone: float | None = None
    mcnemar_best: float | None = None
    resampled_t_backbone: float | None = None
    resampled_t_best: float | None = None


@dataclass(frozen=True)
class Result:
    """The numbers of one probe or fusion that was run.

    Accuracies are of the headline split; `mean_` and `std_` are over the random splits. `tuned_` is the
    SVM with the C that is best in a cross-validation of the training rows. Times are wall-clock seconds:
    feature = decode + read + forward up to the layer (or writing, if that takes longer) + joining the
    file, for all images; svm = kernel + fit; all = the whole protocol on all cores. A fusion needs one
    pass of each of its backbones and the kernels of all its layers. `train_peak_bytes` is of all
    processes together. `memory` and `softmax` are None for a fusion; `softmax` also if that stage has
    not run with the present parameters. `ranking` adds `p` and `distinct`.
    """

    probe: Probe
    accuracy: float
    balanced_accuracy: float
    train_accuracy: float
    mean_accuracy: float
    std_accuracy: float
    mean_balanced_accuracy: float
    std_balanced_accuracy: float
    feature_dim: int
    C: float
    tuned_C: float
    tuned_at_edge: bool
    tuned_accuracy: float
    tuned_balanced_accuracy: float
    mean_tuned_accuracy: float
    std_tuned_accuracy: float
    mean_tuned_balanced_accuracy: float
    std_tuned_balanced_accuracy: float
    cv_accuracy: float
    n_train: int
    n_test: int
    splits: int
    converged: bool
    feature_seconds: float
    svm_seconds: float
    kernel_seconds: float
    fit_seconds: float
    all_seconds: float
    train_peak_bytes: int
    feature_processor: str
    svm_processor: str
    memory: Memory | None = None
    softmax: Softmax | None = None
    p: PValues = PValues()
    distinct: Distinct | None = None


@dataclass(frozen=True)
class Row:
    """One probe or fusion; `status` is `run`, `not run` or `out of date`, and only `run` has a result.

    `members` are the layers of a fusion.
    """

    probe: Probe
    status: str
    members: tuple[Probe, ...] = ()
    result: Result | None = None


def single_layers(results: Iterable[Result]) -> list[Result]:
    """The results of one layer each, without the fusions."""
    return [result for result in results if not result.probe.fused]


def by_backbone(results: Iterable[Result]) -> list[tuple[str, list[Result]]]:
    """The results of each backbone, in order."""
    return [(name, list(some)) for name, some in groupby(results, key=lambda r: r.probe.backbone)]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write one line per row; cells of a row that was not run are empty."""
    lines = ([cells.get(column) for column in COLUMNS] for cells in map(_cells, rows))
    files.write_csv(path, COLUMNS, lines)


def _cells(row: Row) -> dict[str, Any]:
    members = " ".join(map(str, row.members))
    cells = {**vars(row.probe), "probe": row.probe, "status": row.status, "members": members}
    result = row.result
    if result is None:
        return cells
    cells = {**vars(result), **vars(result.p), **cells}
    if result.memory:
        cells |= vars(result.memory)
    if result.softmax:
        cells |= {f"softmax_{name}": value for name, value in vars(result.softmax).items()}
    if result.distinct:
        cells["distinct_accuracy"] = result.distinct.accuracy
        cells["n_duplicates"] = result.distinct.n_duplicates
    return cells
