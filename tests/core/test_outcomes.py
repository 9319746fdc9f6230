from pathlib import Path

import pytest

from stages.core import outcomes

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
def outcome(tmp_path: Path) -> outcomes.Outcome:
    (tmp_path / "p.csv").write_text(LINES)
    return outcomes.read(tmp_path / "p.csv")


def test_confusion_is_by_actual_class(outcome: outcomes.Outcome) -> None:
    assert outcome.classes == ["coast", "forest", "kitchen"]
    assert outcome.confusion().tolist() == [[0.25, 0.5, 0.25], [0.5, 0.5, 0], [0, 0, 1]]
    assert outcome.by_class() == {"coast": 0.25, "forest": 0.5, "kitchen": 1.0}


def test_which_are_right(outcome: outcomes.Outcome) -> None:
    assert outcome.right.tolist() == [True, False, False, False, True, False, True]


def test_the_most_frequent_confusions_come_first(outcome: outcomes.Outcome) -> None:
    assert outcome.confused(2) == [("coast", "forest", 0.5), ("forest", "coast", 0.5)]
    assert len(outcome.confused(9)) == 3


def test_the_most_confident_mistakes_come_first(outcome: outcomes.Outcome) -> None:
    found = outcome.mistakes()
    assert [mistake.row for mistake in found] == [6, 11, 5, 4]
    assert (found[0].actual, found[0].predicted, found[0].margin) == ("coast", "kitchen", 9.0)
