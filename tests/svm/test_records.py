import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import PROBE

from stages.dataset import splits
from stages.dataset.index import Index
from stages.runtime import files
from stages.runtime.paths import Paths
from stages.runtime.probe import FUSION, Probe
from stages.svm import cross_validation, protocol, records
from stages.svm.dual import KernelSVM
from stages.svm.protocol import Evaluation, SplitResult

KEYS = [(label, f"{i}.png") for label in "ab" for i in range(4)]
Y = np.array([0] * 4 + [1] * 4)
SETTINGS = {"C": 1.0, "normalize": "none", "solver": "newton", "grid": [0.1, 1.0], "folds": 2, "seed": 0}


def result(train: list[int], wrong: list[int], tuned_wrong: list[int]) -> SplitResult:
    """The split of eight rows; some rows are wrong with the fixed C, others with the tuned C."""
    decided = []
    for some in (wrong, tuned_wrong):
        said = np.where(np.isin(np.arange(8), some), 1 - Y, Y)
        decided.append(np.eye(2)[said] * 0.5)
    mask = np.isin(np.arange(8), train)
    curve = cross_validation.Curve([0.1, 1.0], [0.5, 0.75], [0.1, 0.2], 1e-15)
    return SplitResult(mask, *decided, curve, True, 1e-14, 100)


def evaluation() -> Evaluation:
    return Evaluation(
        svm=KernelSVM(np.zeros((4, 2)), np.zeros(2), True, 1e-15),
        headline=result([0, 1, 4, 5], wrong=[2], tuned_wrong=[]),
        # Of four test images each: one and three wrong, then none and one with the tuned C.
        random=[
            result([0, 1, 4, 5], wrong=[7], tuned_wrong=[]),
            result([2, 3, 6, 7], wrong=[0, 1, 4], tuned_wrong=[5]),
        ],
        fit_seconds=1.5,
        all_seconds=9.0,
        worker_bytes=7,
    )


IMAGES = Index(KEYS, evaluation().headline.train)


def write(folder: Path, what: Evaluation, probe: Probe = PROBE) -> Paths:
    paths = Paths(folder / "data", folder / "results")
    records.write(probe, what, IMAGES, {**SETTINGS, "model": "m"}, paths)
    return paths


def numbers(folder: Path, what: Evaluation) -> dict[str, Any]:
    paths = write(folder, what)
    metrics, made = (json.loads(path.read_text()) for path in (paths.metrics(PROBE), paths.run(PROBE)))
    return {**metrics, **made}


def test_numbers_by_hand(tmp_path: Path) -> None:
    said = numbers(tmp_path, evaluation())
    assert said["accuracy"] == 3 / 4
    assert said["balanced_accuracy"] == 3 / 4
    assert said["train_accuracy"] == said["tuned_train_accuracy"] == 1.0
    assert (said["n_train"], said["n_test"], said["splits"]) == (4, 4, 2)
    assert (said["tuned_C"], said["tuned_at_edge"], said["tuned_accuracy"]) == (1.0, True, 1.0)
    assert said["cv_accuracy"] == 0.75
    # 3/4 and 1/4: mean 1/2, and of a sample of two a deviation of 1/4 sqrt(2).
    assert said["mean_accuracy"] == pytest.approx(1 / 2)
    assert said["std_accuracy"] == pytest.approx(2**0.5 / 4)
    assert said["mean_tuned_accuracy"] == pytest.approx(7 / 8)
    assert said["std_tuned_accuracy"] == pytest.approx(2**0.5 / 16 * 2)
    assert said["mean_balanced_accuracy"] == pytest.approx(1 / 2)
    masks = np.array([one.train for one in (evaluation().headline, *evaluation().random)])
    assert said["split_digest"] == splits.digest(masks)
    assert (said["C"], said["grid"], said["model"]) == (1.0, [0.1, 1.0], "m")
    assert said["largest_gap"] == 1e-14


def test_files_hold_the_evaluation(tmp_path: Path) -> None:
    paths = write(tmp_path, evaluation())
    lines = {
        name: files.read_csv(getattr(paths, name)(PROBE)) for name in ("predictions", "curve", "splits")
    }
    assert [tuple(line.values()) for line in lines["predictions"]] == [
        ("2", "a", "b", "0.5", "a", "0.5"), ("3", "a", "a", "0.5", "a", "0.5"),
        ("6", "b", "b", "0.5", "b", "0.5"), ("7", "b", "b", "0.5", "b", "0.5"),
    ]  # fmt: skip
    assert lines["curve"][1] == {"C": "1", "accuracy": "0.75", "deviation": "0.2"}
    assert [line["accuracy"] for line in lines["splits"]] == ["0.75", "0.25"]
    assert lines["splits"][1] == {
        "split": "2", "accuracy": "0.25", "balanced_accuracy": "0.25",
        "tuned_C": "1.0", "tuned_accuracy": "0.75", "tuned_balanced_accuracy": "0.75",
    }  # fmt: skip
    spent = json.loads(paths.timings("train", PROBE).read_text())
    assert (spent["fit_seconds"], spent["all_seconds"], spent["worker_bytes"]) == (1.5, 9.0, 7)


def test_an_svm_that_did_not_converge_on_any_split_is_told(tmp_path: Path) -> None:
    cut = protocol.SplitResult(**{**vars(result([0, 1, 4, 5], [], [])), "converged": False})
    said = numbers(tmp_path, Evaluation(**{**vars(evaluation()), "random": [*evaluation().random, cut]}))
    assert said["converged"] is False


def test_the_times_of_a_fusion_are_those_of_the_stage_fuse(tmp_path: Path) -> None:
    paths = write(tmp_path, evaluation(), Probe(FUSION, "both"))
    assert json.loads(paths.timings("fuse", "both").read_text())["fit_seconds"] == 1.5
    assert paths.metrics(Probe(FUSION, "both")).exists()
