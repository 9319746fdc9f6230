import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import PROBE

from stages.dataset import splits
from stages.dataset.index import Index, Split
from stages.runtime import files
from stages.runtime.paths import Paths
from stages.runtime.probe import FUSION, Probe
from stages.svm import records
from stages.svm.dual import KernelSVM
from stages.svm.protocol import Curve, Evaluation, SplitResult

KEYS = [(label, f"{i}.png") for label in "ab" for i in range(4)]
Y = np.array([0] * 4 + [1] * 4)
FACTS = {"grid": [0.2, 2.0], "folds": 2, "seed": 0, "normalize": "none", "model": "m"}
SVM = KernelSVM(np.zeros((4, 2)), np.zeros(2), True, 1e-15)


def result(train: list[int], wrong: list[int], gap: float = 1e-14) -> SplitResult:
    """The split of eight rows, some of them wrong."""
    said = np.where(np.isin(np.arange(8), wrong), 1 - Y, Y)
    mask = np.isin(np.arange(8), train)
    curve = Curve([0.2, 2.0], 0.5, [0.5, 0.75], [0.1, 0.2], gap)
    return SplitResult(Split.complete(mask), SVM, 1.0, np.eye(2)[said] * 0.5, 1.5, 100, curve)


def evaluation() -> Evaluation:
    return Evaluation(
        headline=result([0, 1, 4, 5], wrong=[2]),
        # Of four test images each: one and three wrong.
        random=[result([0, 1, 4, 5], wrong=[7], gap=1e-13), result([2, 3, 6, 7], wrong=[0, 1, 4])],
        all_seconds=9.0,
        worker_bytes=7,
    )


IMAGES = Index(KEYS, evaluation().headline.split)


def write(
    folder: Path, what: Evaluation, probe: Probe = PROBE, protocol: str = "tuned"
) -> tuple[Paths, dict[str, Any], dict[str, Any]]:
    """The paths, the metrics and what they were made with."""
    paths = Paths(folder / "data", folder / "results")
    records.write(probe, protocol, what, IMAGES, FACTS, paths)
    files_ = (paths.metrics(probe, protocol), paths.run(probe, protocol))
    metrics, made = (json.loads(path.read_text()) for path in files_)
    return paths, metrics, made


def test_numbers_by_hand(tmp_path: Path) -> None:
    _, metrics, made = write(tmp_path, evaluation())
    assert metrics["accuracy"] == 3 / 4
    assert metrics["balanced_accuracy"] == 3 / 4
    assert metrics["train_accuracy"] == 1.0
    assert (metrics["n_train"], metrics["n_test"]) == (4, 4)
    assert (metrics["C"], metrics["relative_C"], metrics["cv_accuracy"]) == (1.0, 2.0, 0.75)
    # 3/4 and 1/4: mean 1/2, and of a sample of two a deviation of 1/4 sqrt(2).
    assert metrics["mean_accuracy"] == pytest.approx(1 / 2)
    assert metrics["std_accuracy"] == pytest.approx(2**0.5 / 4)
    assert metrics["mean_balanced_accuracy"] == pytest.approx(1 / 2)
    every = [one.split for one in (evaluation().headline, *evaluation().random)]
    assert made == {
        **FACTS, "splits": 2, "split_digest": splits.digest(every), "at_edge": True, "converged": True,
        "largest_gap": 1e-13,
    }  # fmt: skip
    assert all(isinstance(value, int | float) for value in metrics.values())


def test_rows_on_neither_side_do_not_count(tmp_path: Path) -> None:
    """Of the test rows 2 and 7, row 7 is right; the random splits' sizes differ from the headline's."""
    given = evaluation()
    split = Split.parse(["train", "none", "test", "none", "none", "train", "none", "test"])
    some = replace(given, headline=replace(given.headline, split=split))
    paths, metrics, made = write(tmp_path, some)
    assert (metrics["accuracy"], metrics["n_train"], metrics["n_test"]) == (1 / 2, 2, 2)
    assert (metrics["mean_n_train"], metrics["mean_n_test"]) == (4, 4)
    assert [line["row"] for line in files.read_csv(paths.predictions(PROBE, "tuned"))] == ["2", "7"]
    assert made["headline_digest"] == splits.digest([split])
    assert made["split_digest"] == splits.digest([split, *(one.split for one in given.random)])


def test_files_hold_the_evaluation(tmp_path: Path) -> None:
    paths, _, _ = write(tmp_path, evaluation())
    assert [tuple(line.values()) for line in files.read_csv(paths.predictions(PROBE, "tuned"))] == [
        ("2", "a", "b", "0.5"), ("3", "a", "a", "0.5"), ("6", "b", "b", "0.5"), ("7", "b", "b", "0.5"),
    ]  # fmt: skip
    point = {"relative_C": "2", "C": "1", "accuracy": "0.75", "deviation": "0.2"}
    assert files.read_csv(paths.curve(PROBE))[1] == point
    lines = files.read_csv(paths.splits(PROBE, "tuned"))
    assert [line["accuracy"] for line in lines] == ["0.75", "0.25"]
    scores = {"accuracy": "0.25", "balanced_accuracy": "0.25"}
    assert lines[1] == {"split": "2", **scores, "C": "1.0", "relative_C": "2.0"}
    spent = json.loads(paths.timings("tune", PROBE).read_text())
    assert (spent["fit_seconds"], spent["all_seconds"], spent["worker_bytes"]) == (1.5, 9.0, 7)


def test_a_fixed_c_has_no_curve(tmp_path: Path) -> None:
    given = evaluation()
    fixed = replace(
        given,
        headline=replace(given.headline, curve=None),
        random=[replace(one, curve=None) for one in given.random],
    )
    paths, metrics, made = write(tmp_path, fixed, protocol="fixed")
    assert not paths.curve(PROBE).exists()
    assert not {"cv_accuracy", "relative_C"} & metrics.keys()
    assert "relative_C" not in files.read_csv(paths.splits(PROBE, "fixed"))[0]
    assert "at_edge" not in made
    assert made["largest_gap"] == 1e-15
    assert json.loads(paths.timings("train", PROBE).read_text())["fit_seconds"] == 1.5


def test_an_svm_that_did_not_converge_on_any_split_is_told(tmp_path: Path) -> None:
    cut = replace(result([0, 1, 4, 5], []), svm=replace(SVM, converged=False))
    what = replace(evaluation(), random=[*evaluation().random, cut])
    assert write(tmp_path, what)[2]["converged"] is False


def test_a_fusion_is_written_like_a_probe(tmp_path: Path) -> None:
    both = Probe(FUSION, "both")
    paths, _, _ = write(tmp_path, evaluation(), both)
    assert paths.predictions(both, "tuned").exists()
    assert json.loads(paths.timings("tune", both).read_text())["fit_seconds"] == 1.5
