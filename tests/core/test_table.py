import csv
import json
from pathlib import Path
from typing import Any

import pytest

from stages.core import table

METRICS = {
    "accuracy": 0.8988, "balanced_accuracy": 0.8, "feature_dim": 25088, "C": 1.0, "normalize": "none",
    "grid": "0.01 0.1 1", "folds": 3, "seed": 0, "tuned_C": 0.1, "tuned_accuracy": 0.9,
    "n_train": 18, "n_test": 18, "converged": True,
}  # fmt: skip


def put(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))


@pytest.fixture
def results(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two of three probes have run; a fourth one's file lingers."""
    metrics, softmax, timings = (tmp_path / name for name in ("metrics", "softmax", "timings"))
    squeeze = {"model": "torchvision/squeezenet1_1", "weights": "random"}
    peak = {"peak_bytes": 2**30, "machine": "a machine"}
    for layer, module in (("pool1", "features.2"), ("pool2", "features.5"), ("old", "features.9")):
        put(metrics / "squeeze" / f"{layer}.json", {**METRICS, **squeeze, "module": module})
        put(timings / "kernel" / "squeeze" / f"{layer}.json", {"kernel_seconds": 2.0, **peak})
        put(
            timings / "train" / "squeeze" / f"{layer}.json",
            {"fit_seconds": 0.5, "tuning_seconds": 5.0, **peak},
        )
    head = {"accuracy": 0.91, "converged": True, "normalize": "none", "C": 1.0, "max_iter": 100}
    put(softmax / "squeeze" / "pool1.json", {**head, **squeeze, "module": "features.2"})
    put(
        timings / "softmax" / "squeeze" / "pool1.json",
        {"compact_seconds": 0.125, "fit_seconds": 4.0, **peak},
    )
    put(timings / "prepare.json", {"decode_seconds": 3.0, **peak})
    layers = {layer: {"forward_seconds": 10.0, "write_seconds": 1.0} for layer in ("pool1", "pool2")}
    extract = {
        "device": "a GPU, a machine",
        "read_seconds": 0.25,
        "loaded_bytes": 2**29,
        "layers": layers,
    }
    put(timings / "extract" / "squeeze.json", {**extract, **peak})
    return metrics, softmax, timings


def test_every_probe_gets_a_row_run_or_not(
    results: tuple[Path, Path, Path], small: dict[str, Any]
) -> None:
    rows = table.collect(small, *results)
    assert [(row.backbone, row.layer, row.status) for row in rows] == [
        ("squeeze", "pool1", "run"),
        ("squeeze", "pool2", "run"),
        ("shuffle", "stage2", "not run"),
    ]
    assert rows[0].feature_seconds == 3.0 + 0.25 + 10.0 + 1.0
    assert rows[0].svm_seconds == 2.5
    assert rows[0].extract_peak_bytes == 2**29
    assert rows[2].accuracy is None
    assert (rows[0].softmax_accuracy, rows[0].softmax_seconds) == (0.91, 2.0 + 0.125 + 4.0)
    assert rows[1].softmax_accuracy is None  # that stage has not run yet


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("svm", "C", 0.5),
        ("svm", "normalize", "l2"),
        ("svm", "grid", [0.1, 1.0]),
        ("svm", "folds", 5),
        ("squeeze", "weights", "random:3"),
        ("squeeze", "model", "x"),
    ],
)
def test_a_result_of_other_parameters_is_not_shown(
    section: str, key: str, value: object, results: tuple[Path, Path, Path], small: dict[str, Any]
) -> None:
    (small["svm"] if section == "svm" else small["backbones"][section])[key] = value
    rows = table.collect(small, *results)
    assert [row.status for row in rows] == ["out of date", "out of date", "not run"]
    assert all(row.accuracy is row.softmax_accuracy is None for row in rows)


def test_a_module_that_was_changed_is_not_shown(
    results: tuple[Path, Path, Path], small: dict[str, Any]
) -> None:
    small["backbones"]["squeeze"]["layers"]["pool1"] = "features.1"
    assert [row.status for row in table.collect(small, *results)][:2] == ["out of date", "run"]


def test_a_softmax_layer_of_other_parameters_is_not_shown(
    results: tuple[Path, Path, Path], small: dict[str, Any]
) -> None:
    small["softmax"]["C"] = 0.1
    (first, *_) = table.collect(small, *results)
    assert (first.status, first.accuracy, first.softmax_accuracy) == ("run", 0.8988, None)


def test_rows_of_a_backbone_stand_together(
    results: tuple[Path, Path, Path], small: dict[str, Any]
) -> None:
    small["probes"] = ["squeeze/pool1", "shuffle/stage2", "squeeze/pool2"]
    blocks = table.by_backbone(table.collect(small, *results))
    assert [(name, len(rows)) for name, rows in blocks] == [("squeeze", 2), ("shuffle", 1)]


def test_the_csv_has_all(
    results: tuple[Path, Path, Path], small: dict[str, Any], tmp_path: Path
) -> None:
    table.write_csv(tmp_path / "t.csv", table.collect(small, *results))
    with (tmp_path / "t.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["probe"] for line in lines] == small["probes"]
    assert float(lines[0]["accuracy"]) == 0.8988
    assert lines[2]["accuracy"] == ""
