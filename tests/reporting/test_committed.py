from pathlib import Path

from support.results import result

from stages.reporting import committed
from stages.runtime.files import read_json
from stages.runtime.paths import Paths


def test_a_probe_has_three_accuracies_and_a_fusion_is_never_the_best(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "data", tmp_path / "results")
    results = [
        result("n/a", 0.5, mean_accuracy=0.4, tuned_accuracy=0.6, mean_tuned_accuracy=0.7),
        result("n/b", 0.9, mean_accuracy=0.3, tuned_accuracy=0.8, mean_tuned_accuracy=0.2),
        result("fusion/f", 0.99),
    ]
    committed.summarise(results, paths)
    assert read_json(paths.scores("n/a")) == {"accuracy": 0.6, "over_splits": 0.7, "fixed_C": 0.5}
    assert read_json(paths.scores("best")) == {"accuracy": 0.8, "over_splits": 0.7, "fixed_C": 0.9}
    assert paths.scores("fusion/f").exists()


def test_without_results_there_is_no_best(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "data", tmp_path / "results")
    committed.summarise([], paths)
    assert not paths.scores("best").exists()
