from typing import Any

import pytest
from support.results import CONTROL, FUSION, NET, RANDOM, ROWS

from stages.dataset.index import Split
from stages.reporting import setting
from stages.reporting.table import Row
from stages.runtime.probe import Probe

SPLITS = [Split.parse([side, "train", "test"]) for side in ("train", "none")]


def test_what_is_absent_is_counted() -> None:
    absent = [Row(Probe("fusion", "x"), "out of date"), Row(Probe("fusion", "y"), "not run")]
    assert setting.absent([NET, RANDOM], [*ROWS, *CONTROL, *absent, FUSION]) == [
        "fusion/x out of date",
        "fusion/y not run",
        "net: 1 of its 3 probes not run",
    ]
    assert setting.absent([RANDOM], [*CONTROL, FUSION]) == []


@pytest.mark.parametrize(
    ("source", "text"),
    [("scene15", "the published one"), ("folder", "6 training images of each class, drawn with seed 0")],
)
def test_the_split(source: str, text: str, small: dict[str, Any]) -> None:
    small["data"]["source"] = source
    assert setting.split(small, [("a", "1.png")]) == text


def test_a_given_split(small: dict[str, Any]) -> None:
    small["data"]["source"] = "folder"
    keys = [("a", "train/1"), ("a", "test/1")]
    assert setting.split(small, keys) == "that of the folders train and test"
    small["splits"]["file"] = "data/own/splits/x.csv"
    assert setting.split(small, keys) == "the first of data/own/splits/x.csv"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"train_per_class": 0.5}, "2, each with the share 0.5 of each class for training"),
        (
            {"test_per_class": 3},
            "2, each with 6 training images of each class and 3 test images of each",
        ),
        ({"file": "data/own/splits/x.csv"}, "2, each with 1 to 2 training and 1 test images"),
    ],
)
def test_random_splits_of_other_kinds(changes: dict[str, Any], text: str, small: dict[str, Any]) -> None:
    small["splits"] |= changes
    assert setting.random_splits(small, SPLITS) == text


@pytest.mark.parametrize(
    ("grouped", "text"),
    [
        (False, "2, each with 6 training images of each class"),
        (True, "2, each with 6 training images of each class, duplicates on the same side"),
    ],
)
def test_the_random_splits(grouped: bool, text: str, small: dict[str, Any]) -> None:
    small["splits"]["group_duplicates"] = grouped
    assert setting.random_splits(small, SPLITS) == text
