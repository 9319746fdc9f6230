import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.results import NUMBERS
from support.study import only

from stages.reporting import results, table
from stages.reporting.results import Study
from stages.reporting.table import Row
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

EXTRACT = {"storage": "float16", "precision": "float32"}
SQUEEZE = {**EXTRACT, "model": "torchvision/squeezenet1_1", "weights": "random"}
SHUFFLE = {
    **EXTRACT, "model": "torchvision/shufflenet_v2_x0_5", "weights": "random:1", "module": "stage2",
}  # fmt: skip
SVM = {
    "C": 1.0, "normalize": "none", "solver": "newton", "grid": "0.01 0.1 1", "folds": 3, "seed": 0,
    "split_digest": "1234",
}  # fmt: skip
METRICS = {**SVM, **NUMBERS}
PEAK = {"peak_bytes": 2**30, "processor": "a processor"}
FIT = {"fit_seconds": 0.5, "all_seconds": 60.0, "worker_bytes": 2**20, **PEAK}
POOL1, BOTH = Probe("squeeze", "pool1"), Probe("fusion", "both")
FUSED = [
    "squeeze/pool2",
    "squeeze/pool1",
    "shuffle/stage2",
]  # the deepest of squeeze is not the last of it


def put(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))


def ran(study: Study, text: str, kernel_seconds: float, **facts: Any) -> None:
    probe, paths = Probe.parse(text), study.paths
    put(paths.metrics(probe), {**METRICS, **facts})
    put(paths.timings("gram", probe), {"kernel_seconds": kernel_seconds, **PEAK})
    put(paths.timings("train", probe), FIT)


def extracted(sources: Study, backbone: str, read: float, **forward: float) -> None:
    record = {
        "device": f"the GPU of {backbone}",
        "read_seconds": read,
        "loaded_bytes": 2**29,
        "layers": {
            layer: {
                "forward_seconds": seconds,
                "copy_seconds": 0.5,
                "write_seconds": 4.0,
                "join_seconds": 1.0,
            }
            for layer, seconds in forward.items()
        },
    }
    put(sources.paths.timings("extract", backbone), {**record, **PEAK})


@pytest.fixture
def sources(tmp_path: Path, small: dict[str, Any]) -> Study:
    """Two of three probes have run, one of them with softmax; a fourth one's file lingers."""
    made = Study(small, Paths(tmp_path / "data", tmp_path / "results"), "12", "1234")
    put(made.paths.timings("decode"), {"decode_seconds": 3.0, **PEAK})
    extracted(made, "squeeze", read=0.25, pool1=4.0, pool2=10.0)
    ran(made, "squeeze/pool1", 2.0, **SQUEEZE, module="features.2")
    ran(made, "squeeze/pool2", 3.0, **SQUEEZE, module="features.5")
    ran(made, "squeeze/old", 9.0, **SQUEEZE, module="features.9")
    head = {
        "accuracy": 0.91, "converged": True, "normalize": "none", "C": 1.0, "max_iter": 100,
        "split_digest": "12",
    }  # fmt: skip
    put(made.paths.softmax(POOL1), {**head, **SQUEEZE, "module": "features.2"})
    spent = {"map_seconds": 0.125, "fit_seconds": 4.0, **PEAK}
    put(made.paths.timings("softmax", POOL1), spent)
    return made


@pytest.fixture
def fused(sources: Study, small: dict[str, Any]) -> Study:
    """The third probe has run too, and a fusion of all three, `both`."""
    small["fusions"] = {"both": FUSED}
    extracted(sources, "shuffle", read=0.5, stage2=7.0)
    ran(sources, "shuffle/stage2", 4.0, **SHUFFLE)
    names = {key: " ".join([SQUEEZE[key]] * 2 + [SHUFFLE[key]]) for key in SQUEEZE}
    facts = {**names, "module": "features.5 features.2 stage2", "members": " ".join(FUSED)}
    put(sources.paths.metrics(BOTH), {**METRICS, **facts, "accuracy": 0.95})
    put(sources.paths.timings("fuse", "both"), {**FIT, "fit_seconds": 0.75})
    return sources


def test_every_probe_gets_a_row_run_or_not(sources: Study, small: dict[str, Any]) -> None:
    rows = results.collect(sources)
    assert [(str(row.probe), row.status) for row in rows] == [
        ("squeeze/pool1", "run"),
        ("squeeze/pool2", "run"),
        ("shuffle/stage2", "not run"),
        ("fusion/both", "not run"),
    ]
    assert rows[0].feature_seconds == 3.0 + 0.25 + (4.0 + 0.5) + 1.0
    assert rows[1].feature_seconds == 3.0 + 0.25 + (10.0 + 0.5) + 1.0
    assert rows[0].svm_seconds == 2.5
    assert (rows[0].fit_seconds, rows[0].kernel_seconds, rows[0].all_seconds) == (0.5, 2.0, 60.0)
    assert rows[0].extract_peak_bytes == 2**29
    assert rows[0].train_peak_bytes == 2**30 + 2**20
    assert (rows[0].feature_machine, rows[0].svm_machine) == ("the GPU of squeeze", "a machine")
    assert (rows[0].mean_accuracy, rows[0].std_accuracy, rows[0].splits) == (0.87, 0.01, 2)
    assert (rows[0].softmax_accuracy, rows[0].softmax_seconds) == (0.91, 2.0 + 0.125 + 4.0)
    assert rows[1].softmax_accuracy is None  # that stage has not run yet
    assert rows[2] == Row("shuffle", "stage2", "not run")
    assert rows[3] == Row("fusion", "both", "not run", members="squeeze/pool2 shuffle/stage2")


SETTINGS: list[tuple[str, str, object]] = [
    ("svm", "C", 0.5), ("svm", "normalize", "l2"), ("svm", "solver", "liblinear"),
    ("svm", "grid", [0.1, 1.0]), ("svm", "folds", 5), ("svm", "seed", 1),
    ("extract", "precision", "bfloat16"), ("extract", "storage", "float32"),
]  # fmt: skip


def test_writing_counts_where_it_takes_longer_than_the_pass(
    sources: Study, small: dict[str, Any]
) -> None:
    extracted(sources, "squeeze", read=0.25, pool1=1.0, pool2=10.0)
    assert results.collect(sources)[0].feature_seconds == 3.0 + 0.25 + 4.0 + 1.0


@pytest.mark.parametrize(("section", "key", "value"), SETTINGS)
def test_a_result_of_other_settings_is_not_shown(
    section: str, key: str, value: object, fused: Study, small: dict[str, Any]
) -> None:
    small[section][key] = value
    rows = results.collect(fused)
    assert [row.status for row in rows] == ["out of date"] * 4
    assert all(row.accuracy is row.softmax_accuracy is None for row in rows)


def test_a_result_of_other_splits_is_not_shown(fused: Study, small: dict[str, Any]) -> None:
    rows = results.collect(replace(fused, split_digest="5678"))
    assert [row.status for row in rows] == ["out of date"] * 4


@pytest.mark.parametrize(("key", "value"), [("weights", "random:3"), ("model", "x")])
def test_a_result_of_another_network_is_not_shown(
    key: str, value: str, fused: Study, small: dict[str, Any]
) -> None:
    small["backbones"]["squeeze"][key] = value
    statuses = [row.status for row in results.collect(fused)]
    assert statuses == ["out of date", "out of date", "run", "out of date"]


def test_a_module_that_was_changed_is_not_shown(fused: Study, small: dict[str, Any]) -> None:
    small["backbones"]["squeeze"]["layers"]["pool1"] = "features.1"
    statuses = [row.status for row in results.collect(fused)]
    assert statuses == ["out of date", "run", "run", "out of date"]


def test_a_softmax_layer_of_other_parameters_is_not_shown(sources: Study, small: dict[str, Any]) -> None:
    small["softmax"]["C"] = 0.1
    (first, *_) = results.collect(sources)
    assert (first.status, first.accuracy, first.softmax_accuracy) == ("run", 0.8988, None)


def test_a_softmax_layer_of_another_split_is_not_shown(sources: Study, small: dict[str, Any]) -> None:
    (first, *_) = results.collect(replace(sources, headline_digest="other"))
    assert (first.status, first.softmax_accuracy) == ("run", None)


def test_a_fusion_takes_one_pass_of_each_backbone_and_all_kernels(
    fused: Study, small: dict[str, Any]
) -> None:
    row = results.collect(fused)[-1]
    assert (row.probe, row.status, row.accuracy) == ("fusion/both", "run", 0.95)
    assert row.members == " ".join(FUSED)
    # Decoding; the pass of squeeze as far as pool2; that of shuffle.
    assert row.feature_seconds == 3.0 + (0.25 + 10.0 + 0.5 + 0.5 + 2.0) + (0.5 + 7.0 + 0.5 + 1.0)
    assert row.feature_machine == "the GPU of shuffle; the GPU of squeeze"
    assert row.kernel_seconds == 2.0 + 3.0 + 4.0
    assert row.svm_seconds == 9.0 + 0.75
    assert row.softmax_accuracy is row.extract_peak_bytes is row.kernel_peak_bytes is None


@pytest.mark.parametrize("file", ["metrics/fusion/both.json", "timings/train/fusion/both.json"])
def test_a_fusion_of_which_a_file_is_missing_was_not_run(
    file: str, fused: Study, small: dict[str, Any]
) -> None:
    (fused.metrics.parent / file).unlink()
    assert results.collect(fused)[-1] == Row("fusion", "both", "not run", " ".join(FUSED))


def test_a_fusion_is_out_of_date_where_a_member_is_not_run(fused: Study, small: dict[str, Any]) -> None:
    (fused.metrics / "shuffle/stage2.json").unlink()
    *_, member, fusion = results.collect(fused)
    assert member.status == "not run"
    assert fusion == Row("fusion", "both", "out of date", " ".join(FUSED))


@pytest.mark.parametrize("probes", [FUSED[:2], FUSED[::-1], [*FUSED[:2], "again/stage2"]])
def test_a_fusion_of_other_members_is_out_of_date(
    probes: list[str], fused: Study, small: dict[str, Any]
) -> None:
    small["backbones"]["again"] = small["backbones"]["shuffle"]  # only the name tells them apart
    small["probes"].append("again/stage2")
    small["fusions"]["both"] = probes
    ran(fused, "again/stage2", 1.0, **SHUFFLE)
    extracted(fused, "again", read=0.0, stage2=3.0)
    rows = results.collect(fused)
    assert [row.status for row in rows] == ["run"] * 4 + ["out of date"]


def test_a_fusion_that_was_taken_out_is_not_looked_at(fused: Study, small: dict[str, Any]) -> None:
    small["fusions"] = {}
    rows = results.collect(fused)
    assert [row.probe for row in rows] == small["probes"]


def test_rows_of_a_backbone_stand_together_and_fusions_come_last(
    fused: Study, small: dict[str, Any]
) -> None:
    small["probes"] = ["squeeze/pool1", "shuffle/stage2", "squeeze/pool2"]
    rows = results.collect(fused)
    blocks = table.by_backbone(rows)
    assert [(name, len(some)) for name, some in blocks] == [
        ("squeeze", 2),
        ("shuffle", 1),
        ("fusion", 1),
    ]
    assert [row.fused for row in rows] == [False, False, False, True]
    assert table.single_layers(rows) == rows[:3]


def test_only_what_has_run_has_results(sources: Study, small: dict[str, Any]) -> None:
    rows = results.collect(sources)
    assert table.having_run(rows) == rows[:2]
    only(small, "shuffle/stage2")
    assert table.having_run(results.collect(sources)) == []


def test_the_csv_has_all(fused: Study, small: dict[str, Any], tmp_path: Path) -> None:
    (fused.metrics / "squeeze/pool2.json").unlink()
    table.write_csv(tmp_path / "t.csv", results.collect(fused))
    with (tmp_path / "t.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["probe"] for line in lines] == [*small["probes"], "fusion/both"]
    assert list(lines[0]) == ["probe", *(field.name for field in fields(Row))]
    assert float(lines[0]["accuracy"]) == 0.8988
    assert lines[1]["accuracy"] == lines[0]["members"] == ""
    assert (lines[3]["members"], lines[3]["status"]) == (" ".join(FUSED), "out of date")
