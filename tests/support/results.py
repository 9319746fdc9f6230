"""Results made up: every number that a probe has, to be changed at will."""

from dataclasses import fields
from typing import Any

from stages.reporting.backbones import Backbone
from stages.reporting.table import PROTOCOLS, Result, Row, Scores, metric
from stages.runtime.probe import Probe
from stages.runtime.view import View

METRICS: dict[str, dict[str, Any]] = {
    "fixed": {
        "accuracy": 0.8988, "balanced_accuracy": 0.8, "train_accuracy": 1.0, "C": 1.0,
        "mean_accuracy": 0.87, "std_accuracy": 0.01,
        "mean_balanced_accuracy": 0.86, "std_balanced_accuracy": 0.02, "n_train": 18, "n_test": 18,
    },
    "tuned": {
        "accuracy": 0.9, "balanced_accuracy": 0.81, "train_accuracy": 0.99, "C": 0.1, "relative_C": 10.0,
        "mean_accuracy": 0.88, "std_accuracy": 0.03,
        "mean_balanced_accuracy": 0.85, "std_balanced_accuracy": 0.04, "n_train": 18, "n_test": 18,
        "cv_accuracy": 0.91,
    },
}  # fmt: skip
MADE: dict[str, Any] = {"feature_dim": 25088, "splits": 2, "converged": True}
REST = {"relative_C": 10.0, "tuned_at_edge": False, "cv_accuracy": 0.91, "n_train": 18, "n_test": 18}
COSTS: dict[str, Any] = {
    "feature_seconds": 1.0, "svm_seconds": 2.5, "kernel_seconds": 2.0, "fit_seconds": 0.5,
    "all_seconds": 60.0, "train_peak_bytes": 2**30, "feature_processor": "a GPU",
    "svm_processor": "a processor",
}  # fmt: skip


def result(probe: str, accuracy: float, **changes: Any) -> Result:
    """The result of a probe, such as `vgg16/pool5`, or of a fusion.

    A score that is changed for the fixed C is changed for the tuned C, too, if that has no other: its
    name there is that of the table's column, such as `mean_tuned_accuracy`.
    """
    changes["accuracy"], scores = accuracy, {}
    known = [field.name for field in fields(Scores)]
    for protocol in PROTOCOLS:
        values = {key: value for key, value in METRICS[protocol].items() if key in known}
        for name in known:
            for key in (name, metric(protocol, name)):
                if key in changes:
                    values[name] = changes[key]
        scores[protocol] = values
    kept = {**MADE, **REST, **COSTS, **changes}
    rest = {field.name: kept[field.name] for field in fields(Result) if field.name in kept}
    return Result(Probe.parse(probe), Scores(**scores["tuned"]), Scores(**scores["fixed"]), **rest)


def row(probe: str, accuracy: float, **changes: Any) -> Row:
    """The row of a probe that was run."""
    found = result(probe, accuracy, **changes)
    return Row(found.probe, "run", result=found)


def backbone(name: str, model: str, weights: str, rows: list[Row], **changes: Any) -> Backbone:
    """A backbone with these rows."""
    return Backbone(name, model, weights, View(64), rows, **changes)


# A network, its control, another network, and a fusion of three layers of the first two.
ROWS = [row("net/a", 0.7), row("net/b", 0.905), Row(Probe("net", "c"), "not run")]
CONTROL = [row("control/b", 0.4), row("control/z", 0.3)]
NET = backbone("net", "torchvision/net", "V1", ROWS)
RANDOM = backbone("control", "torchvision/net", "random:2", CONTROL)
OTHER = backbone("other", "timm/other", "pretrained", [row("other/b", 0.95)])
MEMBERS = tuple(Probe.parse(text) for text in ("control/b", "net/a", "net/b"))
FUSION = Row(Probe("fusion", "f"), "run", MEMBERS, result("fusion/f", 0.99))
