from pathlib import Path

import pytest

from stages.reporting import predictions

LINES = """row,actual,predicted,margin
3,coast,coast,2.5
4,coast,forest,0.5
5,coast,forest,1.5
6,coast,kitchen,9
10,forest,forest,1
11,forest,coast,3
12,kitchen,kitchen,0.1
"""


@pytest.fixture
def outcome(tmp_path: Path) -> predictions.Outcome:
    (tmp_path / "p.csv").write_text(LINES)
    return predictions.read(tmp_path / "p.csv")


def test_confusion_is_by_actual_class(outcome: predictions.Outcome) -> None:
    assert outcome.classes == ["coast", "forest", "kitchen"]
    assert outcome.confusion().tolist() == [[0.25, 0.5, 0.25], [0.5, 0.5, 0], [0, 0, 1]]
    assert outcome.by_class() == {"coast": 0.25, "forest": 0.5, "kitchen": 1.0}


def test_which_are_right(outcome: predictions.Outcome) -> None:
    assert outcome.right.tolist() == [True, False, False, False, True, False, True]


def test_the_most_frequent_confusions_come_first(outcome: predictions.Outcome) -> None:
    assert outcome.confused(2) == [("coast", "forest", 0.5), ("forest", "coast", 0.5)]
    assert len(outcome.confused(9)) == 3


def test_the_most_confident_mistakes_come_first(outcome: predictions.Outcome) -> None:
    found = outcome.mistakes()
    assert [mistake.row for mistake in found] == [6, 11, 5, 4]
    assert (found[0].actual, found[0].predicted, found[0].margin) == ("coast", "kitchen", 9.0)


def test_accuracy_on_each_random_split(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("split,accuracy,balanced_accuracy,C\n1,0.5,0.6,1\n2,0.75,0.7,1\n")
    assert predictions.read_splits(tmp_path / "t.csv") == [0.5, 0.75]


def test_accuracy_against_c(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        "relative_C,C,accuracy,deviation\n1e-05,1,0.5,0.1\n10,1e+06,0.75,0.1\n"
    )
    assert predictions.read_curve(tmp_path / "c.csv") == [(1e-5, 0.5), (10.0, 0.75)]


def test_each_number_of_components_has_its_scores_and_times(tmp_path: Path) -> None:
    columns = "components,variance,accuracy,balanced_accuracy,cv_accuracy,cv_deviation"
    lines = f"{columns}\n1,0.25,0.5,0.4,0.6,0.01\n16,1,0.75,0.7,0.8,0.02\n"
    (tmp_path / "curve.csv").write_text(lines)
    assert predictions.read_components(tmp_path / "curve.csv", [0.1, 0.2]) == [
        predictions.Component(1, 0.25, 0.5, 0.4, 0.6, 0.01, 0.1),
        predictions.Component(16, 1.0, 0.75, 0.7, 0.8, 0.02, 0.2),
    ]


def test_the_classes_with_the_lowest_accuracy_come_first() -> None:
    outcome = predictions.Outcome([0, 1, 2], ["a", "b", "b"], ["a", "a", "b"], [1.0, 1.0, 1.0])
    assert outcome.hardest(1) == [("b", 0.5)]
