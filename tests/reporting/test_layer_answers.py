import numpy as np
import pytest
from support.results import CONTROL, FUSION, NET, OTHER, RANDOM, ROWS, result

from stages.dataset.duplicates import Pair
from stages.dataset.index import Index, Split
from stages.reporting import layer_answers
from stages.reporting.predictions import Component, Outcome
from stages.reporting.table import Memory
from stages.runtime.probe import Probe


def test_pretraining_is_told_of_the_same_model_and_layer() -> None:
    (found,) = layer_answers.pretraining([NET, RANDOM, OTHER])
    assert (found.model, found.layer) == ("torchvision/net", "b")
    assert (found.pretrained, found.random) == (0.905, 0.4)
    assert found.gain == pytest.approx(0.505)


def test_the_most_memory_of_each_stage() -> None:
    """A fusion has its own training only; what is not there takes none."""
    GiB = 2**30
    results = [
        result("n/a", 0.5, memory=Memory(GiB, GiB // 2), train_peak_bytes=GiB),
        result("fusion/f", 0.5, train_peak_bytes=3 * GiB),
    ]
    assert layer_answers.peaks(results) == {"extract": 1.0, "gram": 0.5, "train": 3.0}
    assert layer_answers.peaks([]) == {}


def test_the_best_member_of_a_fusion() -> None:
    """Its b has 0.905 and is a member; that of another network is better and is none."""
    rows = [*CONTROL, *OTHER.rows, *ROWS, FUSION]
    named = {row.probe: row.result for row in rows if row.result}
    assert layer_answers.best_member(FUSION, named) == ROWS[1].result
    (told,) = layer_answers.fusions(rows)
    assert (told.result, told.members) == (FUSION.result, "control/b + net/a + net/b")


@pytest.mark.parametrize(
    ("tried", "number"), [([0.5, 0.885, 0.8, 0.9], 2), ([0.95, 0.5, 0.9], 1), ([0.5, 0.87, 0.9], 4)]
)
def test_the_fewest_components_within_one_standard_error(tried: list[float], number: int) -> None:
    """Four folds with a deviation of 0.04: an error of 0.02. The test images say something else."""
    points = [
        Component(2**power, 0.5, 1 - power / 10, 0.5, accuracy, 0.04, 1.0)
        for power, accuracy in enumerate(tried)
    ]
    assert layer_answers.enough(points, 4).components == number


def test_what_a_view_is_worth_is_told_of_backbones_that_differ_in_nothing_else() -> None:
    entry = {"model": "m", "weights": "w", "layers": {"a": "x.1", "b": "x.2"}, "view": "square"}
    other = {**entry, "view": "cut", "layers": {"c": "x.1"}}
    backbones = {"n": entry, "m": other, "random": {**other, "weights": "random"}}
    views = {
        "square": {"size": 64, "crop": None, "interpolation": "bilinear"},
        "cut": {"size": 64, "crop": 32, "interpolation": "bilinear"},
    }
    results = [result(f"n/{layer}", 0.5) for layer in "ab"] + [
        result("m/c", 0.75),
        result("random/c", 1),
    ]
    wrong = {"n/a": "xxyy", "n/b": "yyyy", "m/c": "xyyy", "random/c": "yyyy"}
    outcomes = {
        Probe.parse(probe): Outcome([0, 1, 2, 3], list("yyyy"), list(said), [1.0] * 4)
        for probe, said in wrong.items()
    }
    (found,) = layer_answers.view_effects({"backbones": backbones, "views": views}, results, outcomes)
    assert (str(found.first.probe), str(found.second.probe)) == ("n/a", "m/c")
    assert found.views == ("square64_bilinear", "resize64_crop32_bilinear")
    assert found.p == 1.0  # one image of two sides: a coin tells as much
    assert not found.told_apart


def test_what_tuning_gains() -> None:
    results = [result("n/a", 0.8, tuned_accuracy=0.825), result("n/b", 0.8, tuned_accuracy=0.7998)]
    assert [f"{points:+.1f}" for points in layer_answers.gains(results)] == ["+2.5", "+0.0"]


def test_duplicates_are_counted() -> None:
    """Rows 0 to 2 are one picture; 3 to 6 another, one of them under another label."""
    train = np.isin(np.arange(7), [0, 5, 6])
    index = Index([(label, f"{i}") for i, label in enumerate("aaaabbb")], Split.complete(train))
    exact, near = [(0, 1), (5, 6)], [(0, 2), (1, 2), (3, 4), (4, 5), (4, 6)]
    pairs = [*(Pair(a, b, True, 0) for a, b in exact), *(Pair(a, b, False, 9) for a, b in near)]
    # Rows 1, 2 and 4 are seen; 4 twice, which makes four pairs across.
    counts = {"exact": 2, "near": 5, "labels": 1, "across": 4, "seen": 3}
    assert vars(layer_answers.count_duplicates(pairs, index)) == counts
    # Row 4 on neither side is not seen; three of the pairs across were its own.
    index = Index(index.keys, Split(train, ~train & (np.arange(7) != 4)))
    counts |= {"across": 2, "seen": 2}
    assert vars(layer_answers.count_duplicates(pairs, index)) == counts
    assert set(vars(layer_answers.count_duplicates([], index)).values()) == {0}
