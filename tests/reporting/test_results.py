import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from support.results import MADE, METRICS
from support.study import only

from stages.reporting import results, table
from stages.reporting.results import Study
from stages.reporting.table import PROTOCOLS, Memory, Neighbours, Result, Row, Softmax
from stages.runtime.files import read_csv
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

EXTRACT = {"pool": "none", "storage": "float16", "precision": "float32", "view": "square64_bilinear"}
SQUEEZE = {**EXTRACT, "model": "torchvision/squeezenet1_1", "weights": "random"}
SHUFFLE = {
    **EXTRACT, "model": "torchvision/shufflenet_v2_x0_5", "weights": "random:1", "module": "stage2",
}  # fmt: skip
COMMON = {"normalize": "none", "solver": "newton", "split_digest": "1234", **MADE}
RUNS = {
    "fixed": {**COMMON, "C": 1.0},
    "tuned": {**COMMON, "grid": [0.01, 0.1, 1.0], "folds": 3, "seed": 0, "at_edge": False},
}
IDLE = {"cores": 2, "wall_seconds": 10.0, "processor_seconds": 9.0, "other_seconds": 0.1}
BUSY = {**IDLE, "other_seconds": 10.5}
PEAK = {"peak_bytes": 2**30, "processor": "a processor", **IDLE}
FIT = {"fit_seconds": 0.5, "all_seconds": 60.0, "worker_bytes": 2**20, **PEAK}
POOL1, BOTH = Probe("squeeze", "pool1"), Probe("fusion", "both")
# The deepest layer of squeeze is not the last of its layers.
FUSED = ["squeeze/pool2", "squeeze/pool1", "shuffle/stage2"]


NEAREST = {"cosine": 3, "euclidean": 1}


def put(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))


def ran(study: Study, text: str, kernel_seconds: float, **facts: Any) -> None:
    probe, paths = Probe.parse(text), study.paths
    put_trained(study, probe, {"members": text, **facts})
    put(paths.timings("gram", probe), {"kernel_seconds": kernel_seconds, **PEAK})


def put_trained(study: Study, probe: Probe, facts: dict[str, Any], **changes: float) -> None:
    """What `train` and `tune` write; `changes` are made to the metrics of both."""
    for protocol in PROTOCOLS:
        put(study.paths.metrics(probe, protocol), {**METRICS[protocol], **changes})
        put(study.paths.run(probe, protocol), {**RUNS[protocol], **facts})
    for stage in ("train", "tune"):
        put(study.paths.timings(stage, probe), FIT)


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
    put(made.paths.timings("decode", "square64"), {"decode_seconds": 3.0, **PEAK})
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
    near = {"k": 3, "accuracy": 0.7, "mean_accuracy": 0.6, "std_accuracy": 0.1, "cv_accuracy": 0.8}
    about = {"folds": 3, "seed": 0, "ks": [1, 3], "split_digest": "1234"}
    voted = {"cosine": near, "euclidean": {**near, "k": 1}, **about}
    put(made.paths.knn(POOL1), {**voted, **SQUEEZE, "module": "features.2"})
    return made


@pytest.fixture
def fused(sources: Study, small: dict[str, Any]) -> Study:
    """The third probe has run too, and a fusion of all three, `both`."""
    small["fusions"] = {"both": FUSED}
    extracted(sources, "shuffle", read=0.5, stage2=7.0)
    ran(sources, "shuffle/stage2", 4.0, **SHUFFLE)
    names = {key: " ".join([SQUEEZE[key]] * 2 + [SHUFFLE[key]]) for key in SQUEEZE}
    facts = {**names, "module": "features.5 features.2 stage2", "members": " ".join(FUSED)}
    put_trained(sources, BOTH, facts, accuracy=0.95)
    put(sources.paths.timings("train", BOTH), {**FIT, "fit_seconds": 0.75})
    return sources


def run(rows: list[Row]) -> list[Result]:
    """The results of rows that were all run."""
    assert all(row.result for row in rows)
    return [row.result for row in rows if row.result]


def test_every_probe_gets_a_row_run_or_not(sources: Study) -> None:
    rows = results.collect(sources)
    assert [(str(row.probe), row.status) for row in rows] == [
        ("squeeze/pool1", "run"),
        ("squeeze/pool2", "run"),
        ("shuffle/stage2", "not run"),
        ("fusion/both", "not run"),
    ]
    first, second = run(rows[:2])
    assert first.feature_seconds == 3.0 + 0.25 + (4.0 + 0.5) + 1.0
    assert second.feature_seconds == 3.0 + 0.25 + (10.0 + 0.5) + 1.0
    assert first.svm_seconds == 2.5
    assert (first.fit_seconds, first.kernel_seconds, first.all_seconds) == (0.5, 2.0, 60.0)
    assert first.memory == Memory(2**29, 2**30)
    assert first.train_peak_bytes == 2**30 + 2**20
    assert (first.feature_processor, first.svm_processor) == ("the GPU of squeeze", "a processor")
    assert (first.fixed.mean_accuracy, first.fixed.std_accuracy, first.splits) == (0.87, 0.01, 2)
    assert (first.tuned.mean_accuracy, first.tuned.train_accuracy, first.tuned.C) == (0.88, 0.99, 0.1)
    assert first.softmax == Softmax(0.91, True, 2.0 + 0.125 + 4.0, False)
    assert first.knn == {metric: Neighbours(k, 0.7, 0.6, 0.1) for metric, k in NEAREST.items()}
    assert second.softmax is second.knn is None  # those stages have not run yet
    assert rows[2] == Row(Probe("shuffle", "stage2"), "not run")
    assert rows[3] == Row(BOTH, "not run", members("squeeze/pool2", "shuffle/stage2"))


def members(*probes: str) -> tuple[Probe, ...]:
    return tuple(map(Probe.parse, probes))


SETTINGS: list[tuple[str, str, object]] = [
    ("svm", "C", 0.5), ("svm", "normalize", "l2"), ("svm", "solver", "liblinear"),
    ("svm", "grid", [0.1, 1.0]), ("svm", "folds", 5), ("svm", "seed", 1),
    ("extract", "precision", "bfloat16"), ("extract", "storage", "float32"),
]  # fmt: skip


def test_writing_counts_where_it_takes_longer_than_the_pass(sources: Study) -> None:
    extracted(sources, "squeeze", read=0.25, pool1=1.0, pool2=10.0)
    (first,) = run(results.collect(sources)[:1])
    assert first.feature_seconds == 3.0 + 0.25 + 4.0 + 1.0


@pytest.mark.parametrize(("section", "key", "value"), SETTINGS)
def test_a_result_of_other_settings_is_not_shown(
    section: str, key: str, value: object, fused: Study, small: dict[str, Any]
) -> None:
    small[section][key] = value
    rows = results.collect(fused)
    assert [row.status for row in rows] == ["out of date"] * 4
    assert all(row.result is None for row in rows)


def test_a_result_of_other_splits_is_not_shown(fused: Study) -> None:
    rows = results.collect(replace(fused, split_digest="5678"))
    assert [row.status for row in rows] == ["out of date"] * 4


@pytest.mark.parametrize(("key", "value"), [("weights", "random:3"), ("model", "x")])
def test_a_result_of_another_network_is_not_shown(
    key: str, value: str, fused: Study, small: dict[str, Any]
) -> None:
    small["backbones"]["squeeze"][key] = value
    statuses = [row.status for row in results.collect(fused)]
    assert statuses == ["out of date", "out of date", "run", "out of date"]


@pytest.mark.parametrize("entry", ["features.1", {"module": "features.2", "pool": "mean"}])
def test_a_layer_that_was_changed_is_not_shown(
    entry: str | dict[str, str], fused: Study, small: dict[str, Any]
) -> None:
    small["backbones"]["squeeze"]["layers"]["pool1"] = entry
    statuses = [row.status for row in results.collect(fused)]
    assert statuses == ["out of date", "run", "run", "out of date"]


def test_a_softmax_layer_of_other_parameters_is_not_shown(sources: Study, small: dict[str, Any]) -> None:
    small["softmax"]["C"] = 0.1
    (first,) = run(results.collect(sources)[:1])
    assert (first.fixed.accuracy, first.softmax) == (0.8988, None)


@pytest.mark.parametrize(
    ("section", "key", "value"), [("knn", "k", [1]), ("svm", "folds", 5), ("svm", "seed", 1)]
)
def test_neighbours_of_other_parameters_are_not_shown(
    section: str, key: str, value: object, sources: Study, small: dict[str, Any]
) -> None:
    small[section][key] = value
    assert results._knn(sources, POOL1) is None


def test_a_softmax_layer_of_another_split_is_not_shown(sources: Study) -> None:
    (first,) = run(results.collect(replace(sources, headline_digest="other"))[:1])
    assert first.softmax is None


def test_a_fusion_takes_one_pass_of_each_backbone_and_all_kernels(fused: Study) -> None:
    row = results.collect(fused)[-1]
    assert (row.probe, row.status, row.members) == (BOTH, "run", members(*FUSED))
    (result,) = run([row])
    assert result.fixed.accuracy == 0.95
    # Decoding; the pass of squeeze as far as pool2; that of shuffle.
    assert result.feature_seconds == 3.0 + (0.25 + 10.0 + 0.5 + 0.5 + 2.0) + (0.5 + 7.0 + 0.5 + 1.0)
    assert result.feature_processor == "the GPU of shuffle; the GPU of squeeze"
    assert result.kernel_seconds == 2.0 + 3.0 + 4.0
    assert result.svm_seconds == 9.0 + 0.75
    assert result.softmax is result.knn is result.memory is None


def test_a_fusion_of_which_a_file_is_missing_was_not_run(fused: Study) -> None:
    paths = fused.paths
    for path in (
        *(path(BOTH, protocol) for path in (paths.metrics, paths.run) for protocol in PROTOCOLS),
        *(paths.timings(stage, BOTH) for stage in ("train", "tune")),
    ):
        content = path.read_text()
        path.unlink()
        assert results.collect(fused)[-1] == Row(BOTH, "not run", members(*FUSED))
        path.write_text(content)


def test_a_fusion_is_out_of_date_where_a_member_is_not_run(fused: Study) -> None:
    fused.paths.metrics(Probe("shuffle", "stage2"), "tuned").unlink()
    *_, member, fusion = results.collect(fused)
    assert member.status == "not run"
    assert fusion == Row(BOTH, "out of date", members(*FUSED))


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
    assert [str(row.probe) for row in results.collect(fused)] == small["probes"]


def test_rows_of_a_backbone_stand_together_and_fusions_come_last(
    fused: Study, small: dict[str, Any]
) -> None:
    small["probes"] = ["squeeze/pool1", "shuffle/stage2", "squeeze/pool2"]
    found = run(results.collect(fused))
    blocks = table.by_backbone(found)
    assert [(name, len(some)) for name, some in blocks] == [
        ("squeeze", 2),
        ("shuffle", 1),
        ("fusion", 1),
    ]
    assert [result.probe.fused for result in found] == [False, False, False, True]
    assert table.single_layers(found) == found[:3]


def test_only_what_has_run_has_results(sources: Study, small: dict[str, Any]) -> None:
    rows = results.collect(sources)
    assert [bool(row.result) for row in rows] == [True, True, False, False]
    only(small, "shuffle/stage2")
    assert [row.result for row in results.collect(sources)] == [None]


def test_components_are_told_with_their_times(sources: Study) -> None:
    put_pca(sources)
    (points,) = results.components(sources).values()
    assert [(point.components, point.accuracy, point.seconds) for point in points] == [
        (1, 0.5, 0.1),
        (16, 0.75, 0.2),
    ]


def put_pca(sources: Study) -> None:
    probe, paths = Probe("squeeze", "pool2"), sources.paths
    settings = {"C": 0.1, "normalize": "none", "folds": 3, "seed": 0, "split_digest": "12"}
    record = {**SQUEEZE, "module": "features.5", **settings}
    put(paths.pca(probe, ".json"), record)
    put(paths.timings("pca", probe), {"svm_seconds": [0.1, 0.2], **PEAK})
    columns = "components,variance,accuracy,balanced_accuracy,cv_accuracy,cv_deviation"
    lines = f"{columns}\n1,0.25,0.5,0.4,0.5,0.1\n16,1,0.75,0.7,0.6,0.1\n"
    paths.pca(probe, ".csv").write_text(lines)


@pytest.mark.parametrize(("key", "value"), [("normalize", "l2"), ("folds", 4), ("C", 0.01)])
def test_components_of_another_setting_are_not_told(
    key: str, value: object, sources: Study, small: dict[str, Any]
) -> None:
    put_pca(sources)
    if key == "C":  # that of the layer, which was tuned again
        put(sources.paths.metrics(Probe("squeeze", "pool2"), "tuned"), {**METRICS["tuned"], "C": value})
    else:
        small["svm"][key] = value
    assert results.components(sources) == {}


@pytest.mark.parametrize("missing", ["record", "times"])
def test_components_of_what_was_not_run_are_left_out(missing: str, sources: Study) -> None:
    put_pca(sources)
    probe = Probe("squeeze", "pool2")
    record, times = sources.paths.pca(probe, ".json"), sources.paths.timings("pca", probe)
    {"record": record, "times": times}[missing].unlink()
    assert results.components(sources) == {}


def test_the_csv_has_all(fused: Study, small: dict[str, Any], tmp_path: Path) -> None:
    fused.paths.metrics(Probe("squeeze", "pool2"), "fixed").unlink()
    table.write_csv(tmp_path / "t.csv", results.collect(fused))
    lines = read_csv(tmp_path / "t.csv")
    assert [line["probe"] for line in lines] == [*small["probes"], "fusion/both"]
    assert list(lines[0]) == table.COLUMNS
    assert float(lines[0]["accuracy"]) == 0.8988
    assert (lines[0]["knn_cosine_k"], lines[0]["mean_knn_euclidean_accuracy"]) == ("3", "0.6")
    assert lines[1]["knn_cosine_k"] == ""
    assert float(lines[0]["softmax_accuracy"]) == 0.91
    assert int(lines[0]["extract_peak_bytes"]) == 2**29
    assert lines[1]["accuracy"] == lines[0]["members"] == ""
    assert (lines[3]["members"], lines[3]["status"]) == (" ".join(FUSED), "out of date")


def test_the_readout_is_told(fused: Study, small: dict[str, Any], tmp_path: Path) -> None:
    """In the file for every layer, and one per member of a fusion; elsewhere for pooled layers only."""
    small["backbones"]["squeeze"]["layers"]["pool1"] = {"module": "features.2", "pool": "mean"}
    ran(fused, "squeeze/pool1", 2.0, **{**SQUEEZE, "pool": "mean"}, module="features.2", feature_dim=64)
    small["fusions"] = {"both": ["squeeze/pool1", "shuffle/stage2"]}
    names = {key: f"{SQUEEZE[key]} {SHUFFLE[key]}" for key in SQUEEZE}
    facts = {**names, "pool": "mean none", "module": "features.2 stage2"}
    put_trained(fused, BOTH, {**facts, "members": "squeeze/pool1 shuffle/stage2"}, accuracy=0.95)
    rows = results.collect(fused)
    table.write_csv(tmp_path / "t.csv", rows)
    pools = [line["pool"] for line in read_csv(tmp_path / "t.csv")]
    assert pools == ["mean", "none", "none", "mean none"]
    lines = table.text(rows, set()).splitlines()[2:]
    assert ["mean 64" in line for line in lines] == [True, False, False, False]
    assert [result.pooled for result in run(rows)] == [True, False, False, False]


def test_every_number_of_a_result_has_a_column(fused: Study) -> None:
    (first,) = run(results.collect(fused)[:1])
    nested = {"memory", "softmax", "knn", "tuned", "fixed", "probe"}
    assert set(vars(first)) - nested <= set(table.COLUMNS)
    scores = {*vars(first.tuned), *vars(first.tuned.p)} - {"p"}
    for protocol in table.PROTOCOLS:
        assert {table.metric(protocol, name) for name in scores} <= set(table.COLUMNS)
    for metric in NEAREST:
        names = [field.name for field in fields(Neighbours)]
        assert {table.metric(f"knn_{metric}", name) for name in names} <= set(table.COLUMNS)


def test_times_of_a_busy_computer_are_named(fused: Study) -> None:
    """A fusion has the features and the kernels of its layers, but not their SVMs."""
    paths = fused.paths
    put(paths.timings("train", POOL1), {**FIT, **BUSY})
    gram = {"kernel_seconds": 2.0, **PEAK, **BUSY}
    put(paths.timings("gram", Probe("squeeze", "pool2")), gram)
    spent = json.loads(paths.timings("extract", "shuffle").read_text())
    put(paths.timings("extract", "shuffle"), {**spent, **BUSY})
    softmax = {"map_seconds": 0.125, "fit_seconds": 4.0, **PEAK, **BUSY}
    put(paths.timings("softmax", POOL1), softmax)
    rows = results.collect(fused)
    slowed = [result.slowed for result in run(rows)]
    assert slowed == [("train",), ("gram",), ("extract",), ("extract", "gram")]
    assert [result.features_slowed for result in run(rows)] == [False, False, True, True]
    assert [result.svm_slowed for result in run(rows)] == [True, True, False, True]
    assert (head := run(rows)[0].softmax)
    assert head.slowed


def test_the_terminal_gets_the_main_columns(fused: Study) -> None:
    put(fused.paths.timings("train", POOL1), {**FIT, **BUSY})
    fused.paths.metrics(Probe("squeeze", "pool2"), "fixed").unlink()
    rows = results.collect(fused)
    lines = table.text(rows, {("tuned", "split", POOL1), ("fixed", "splits", POOL1)}).splitlines()
    assert lines[2].split("  ")[0] == "squeeze/pool1"
    assert "0.9000 ≈" in lines[2]
    assert "0.8800 ± 0.0300  " in lines[2]
    assert lines[2].endswith("2.5 s †")
    assert lines[3].split() == ["squeeze/pool2", "not", "run"]
    assert max(map(len, lines)) <= 110
