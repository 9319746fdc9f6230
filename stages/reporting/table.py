"""The table of results: one row for each probe and each fusion of params.yaml, run or not."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from tabulate import tabulate

from stages.runtime import files
from stages.runtime.probe import Probe

# The order of the columns in results/table.csv.
COLUMNS = """
    probe backbone layer pool status members accuracy balanced_accuracy distinct_accuracy train_accuracy
    mean_accuracy std_accuracy mean_balanced_accuracy std_balanced_accuracy feature_dim C tuned_C
    relative_C tuned_at_edge tuned_accuracy tuned_balanced_accuracy tuned_distinct_accuracy
    tuned_train_accuracy mean_tuned_accuracy std_tuned_accuracy mean_tuned_balanced_accuracy
    std_tuned_balanced_accuracy cv_accuracy n_train n_test n_duplicates splits converged
    mcnemar_backbone mcnemar_best resampled_t_backbone resampled_t_best tuned_mcnemar_backbone
    tuned_mcnemar_best tuned_resampled_t_backbone tuned_resampled_t_best softmax_accuracy
    softmax_converged knn_cosine_k knn_cosine_accuracy mean_knn_cosine_accuracy std_knn_cosine_accuracy
    knn_euclidean_k knn_euclidean_accuracy mean_knn_euclidean_accuracy std_knn_euclidean_accuracy
    feature_seconds svm_seconds softmax_seconds kernel_seconds fit_seconds all_seconds slowed
    extract_peak_bytes kernel_peak_bytes train_peak_bytes feature_processor svm_processor
""".split()  # noqa: SIM905 a long list reads better as words
# The two protocols: C tuned by cross-validation inside the training rows, and the fixed `svm.C`.
PROTOCOLS = ("tuned", "fixed")


@dataclass(frozen=True)
class Memory:
    """Peaks of resident memory: `extract` beyond the loaded model, and `gram`."""

    extract_peak_bytes: int
    kernel_peak_bytes: int


@dataclass(frozen=True)
class Softmax:
    """Softmax regression on a layer's features; `seconds` are those of kernel, feature map and fit.

    slowed : whether other programs made the time of the stage `softmax` longer
    """

    accuracy: float
    converged: bool
    seconds: float
    slowed: bool


@dataclass(frozen=True)
class Neighbours:
    """The k nearest neighbours on a layer's features; k is that of the headline split.

    `mean_` and `std_` are over the random splits, each with a k of its own.
    """

    k: int
    accuracy: float
    mean_accuracy: float
    std_accuracy: float


@dataclass(frozen=True)
class PValues:
    """The adjusted p-values of `ranking.compared` for one protocol; None for the best layer itself.

    Each is the probability of a difference at least as large if the result were as good as the best
    layer of its backbone, or of all backbones.
    """

    mcnemar_backbone: float | None = None
    mcnemar_best: float | None = None
    resampled_t_backbone: float | None = None
    resampled_t_best: float | None = None


@dataclass(frozen=True)
class Scores:
    """The scores of one protocol.

    Accuracies are of the headline split; `mean_` and `std_` are over the random splits. C is that of the
    headline split. `ranking` adds `p` and `distinct_accuracy`, the accuracy without the test images that
    have a duplicate in training, which is None if no test image is left.
    """

    C: float
    accuracy: float
    balanced_accuracy: float
    train_accuracy: float
    mean_accuracy: float
    std_accuracy: float
    mean_balanced_accuracy: float
    std_balanced_accuracy: float
    distinct_accuracy: float | None = None
    p: PValues = PValues()


@dataclass(frozen=True)
class Result:
    """The numbers of one probe or fusion that was run.

    `tuned` and `fixed` are its scores with either C. `relative_C` is the tuned C in the units of the
    grid; `tuned_at_edge` tells whether a wider grid may hold a better C. Times are wall-clock seconds:
    feature = decode + read + forward up to the layer (or writing, if that takes longer) + joining the
    file, for all images; svm = kernel + fit; all = the whole protocol on all cores. A fusion needs one
    pass of each of its backbones and the kernels of all its layers. `slowed` lists the stages whose time
    other programs made longer.
    `train_peak_bytes` is of all processes together. `memory`, `softmax` and `knn` are None for a
    fusion; the latter two also if their stage has not run with the present parameters. `knn` has the
    metrics. `ranking` adds `n_duplicates`, the number of test images that have a duplicate in
    training. `pool` is the readout, one per layer.
    """

    probe: Probe
    tuned: Scores
    fixed: Scores
    relative_C: float
    tuned_at_edge: bool
    cv_accuracy: float
    feature_dim: int
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
    slowed: tuple[str, ...] = ()
    memory: Memory | None = None
    softmax: Softmax | None = None
    knn: Mapping[str, Neighbours] | None = None
    n_duplicates: int = 0
    pool: str = "none"

    @property
    def pooled(self) -> bool:
        """Whether it is one layer, read out by pooling."""
        return not self.probe.fused and self.pool != "none"

    @property
    def features_slowed(self) -> bool:
        """Whether other programs made the feature time longer."""
        return bool({"decode", "extract"} & set(self.slowed))

    @property
    def svm_slowed(self) -> bool:
        """Whether other programs made the SVM time longer."""
        return bool({"gram", "train"} & set(self.slowed))


@dataclass(frozen=True)
class Row:
    """One probe or fusion; `status` is `run`, `not run` or `out of date`, and only `run` has a result.

    `members` are the layers of a fusion.
    """

    probe: Probe
    status: str
    members: tuple[Probe, ...] = ()
    result: Result | None = None


def metric(protocol: str, name: str) -> str:
    """The column of a score: `mean_accuracy` of the tuned SVM is `mean_tuned_accuracy`."""
    if protocol == "fixed":
        return name
    statistic, _, rest = name.partition("_")
    return f"{statistic}_{protocol}_{rest}" if statistic in ("mean", "std") else f"{protocol}_{name}"


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


def text(rows: Sequence[Row], marked: Collection[tuple[str, str, Probe]]) -> str:
    """The main columns for a terminal, at most 110 characters wide; `marked` is `answers.marked`."""
    lines = []
    for row in rows:
        result = row.result
        if result is None:
            lines.append([str(row.probe), row.status])
            continue
        tuned, same = result.tuned, {key: " ≈" if (*key, row.probe) in marked else "" for key in _MARKS}
        lines.append(
            [
                str(row.probe),
                f"{tuned.accuracy:.4f}{same['tuned', 'split']}",
                f"{tuned.mean_accuracy:.4f} ± {tuned.std_accuracy:.4f}{same['tuned', 'splits']}",
                f"{result.fixed.accuracy:.4f}{same['fixed', 'split']}",
                f"{result.pool} {result.feature_dim:,}" if result.pooled else f"{result.feature_dim:,}",
                f"{result.feature_seconds:,.1f} s{' †' if result.features_slowed else '  '}",
                f"{result.svm_seconds:,.1f} s{' †' if result.svm_slowed else '  '}",
            ]
        )
    headers = ["probe", "tuned C", "random splits", "fixed C", "features", "feature time", "SVM time"]
    align = ("left", "left", "left", "left", "right", "right", "right")
    table: str = tabulate(lines, headers, tablefmt="simple", colalign=align, disable_numparse=True)
    return table


_MARKS = [("tuned", "split"), ("tuned", "splits"), ("fixed", "split")]


def _cells(row: Row) -> dict[str, Any]:
    members = " ".join(map(str, row.members))
    cells = {**vars(row.probe), "probe": row.probe, "status": row.status, "members": members}
    result = row.result
    if result is None:
        return cells
    cells = {**vars(result), **cells, "slowed": " ".join(result.slowed)}
    for protocol, scores in (("tuned", result.tuned), ("fixed", result.fixed)):
        numbers = {**vars(scores), **vars(scores.p)}
        cells |= {metric(protocol, name): value for name, value in numbers.items()}
    if result.memory:
        cells |= vars(result.memory)
    if result.softmax:
        cells |= {f"softmax_{name}": value for name, value in vars(result.softmax).items()}
    for distance, neighbours in (result.knn or {}).items():
        cells |= {metric(f"knn_{distance}", name): value for name, value in vars(neighbours).items()}
    return cells
