from pathlib import Path

import numpy as np
import pytest
from support.examples import inspection, predictions

from stages.inspection import record
from stages.inspection.record import Predictions


@pytest.mark.parametrize("said", [predictions(), "its weights are random"])
def test_what_is_written_is_read(said: Predictions | str, tmp_path: Path) -> None:
    written = inspection(said=said)
    record.write(tmp_path / "g.h5", written)
    read = record.read(tmp_path / "g.h5")
    for key in ("model", "weights", "names", "first", "facts"):
        assert getattr(read, key) == getattr(written, key), key
    assert list(read.shapes.items()) == list(written.shapes.items())  # in the order of depth
    assert list(read.maps) == list(written.maps)
    assert np.array_equal(read.pixels, written.pixels)
    assert all(np.array_equal(read.maps[layer], maps) for layer, maps in written.maps.items())
    if isinstance(said, str):
        assert read.said == said
    else:
        assert isinstance(read.said, Predictions)
        for key, value in vars(said).items():
            assert np.array_equal(getattr(read.said, key), value), key


def test_the_same_inspection_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("1.h5", "2.h5"):
        record.write(tmp_path / name, inspection())
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


def test_the_summary_by_hand() -> None:
    assert predictions().summary() == {
        "normalised_confidence": 0.75,
        "not_normalised_changed": 0.25,
        "not_normalised_confidence": 0.25,
        "train_mode_changed": 0.75,
        "train_mode_confidence": 0.25,
    }


def test_the_most_frequent_class_of_each_label_by_hand() -> None:
    y = np.array([0, 0, 0, 1, 1, 1])  # the test rows 1, 2 | 4, 5
    assert predictions().most_frequent(y) == [("tench", 1.0, 1), ("goldfish", 0.5, 2)]


def test_the_table_has_a_line_per_image_condition_and_rank() -> None:
    lines = list(predictions().lines(["x", "y"]))
    assert len(lines) == 2 * 4 * 5
    assert lines[0][:3] == ["x", "normalised, eval mode", 1]
    assert lines[-1][:3] == ["y", "not normalised, train mode", 5]
    assert float(lines[-1][4]) == pytest.approx(predictions().probability[1, 3, 4], abs=1e-4)


def test_file_names_are_safe_and_all_different() -> None:
    names = ["coast/image 1.jpg", "coast/image_1.png", "../a$b<c>.jpg", "山/图.jpg"]
    found = record.file_names(names)
    assert found[0] == "1-coast-image-1"
    assert len(set(found)) == len(names)
    assert all(name.replace("-", "").replace("_", "").isalnum() and name.isascii() for name in found)
