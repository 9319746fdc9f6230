from pathlib import Path
from typing import Any

import h5py
import pytest
from support.examples import provenance

from stages.runtime import hdf5
from stages.runtime.errors import StageError
from stages.runtime.probe import Probe
from stages.runtime.provenance import (
    REQUESTED,
    Provenance,
    changed,
    joined,
    refuse_other_rows,
    requested,
)


def test_attributes_are_read_back_from_an_hdf5_file(tmp_path: Path) -> None:
    made = provenance(shape=(512, 7, 7))
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.attrs.update({**made.attributes(), "storage": made.storage})
    with h5py.File(tmp_path / "f.h5", "r") as file:
        assert Provenance.from_attributes(hdf5.attributes(file)) == made


def test_attributes_leave_the_storage_to_the_data_set() -> None:
    """In the order that feature files have always had: the order is part of the file's bytes."""
    assert list(provenance().attributes()) == [
        "backbone", "layer", "model", "weights", "view", "module", "pool", "precision", "mean", "std",
        "shape", "rows",
    ]  # fmt: skip


def test_the_number_of_features_is_the_product_of_the_shape() -> None:
    assert provenance(shape=(512, 7, 7)).feature_dim == 25_088


def test_features_as_requested_have_the_record_that_was_requested(small: dict[str, Any]) -> None:
    asked = requested(small, Probe("squeeze", "pool2"))
    assert asked == {
        "model": "torchvision/squeezenet1_1",
        "weights": "random",
        "view": "square64_bilinear",
        "module": "features.5",
        "pool": "none",
        "precision": "float32",
        "storage": "float16",
    }
    assert provenance(**asked).record() == asked
    assert tuple(asked) == REQUESTED


def test_a_fusion_records_its_members_in_order() -> None:
    records = [provenance().record(), provenance(model="n", storage="float32").record()]
    assert joined(records) == {
        "model": "m n",
        "weights": "w w",
        "view": "v v",
        "module": "x x",
        "pool": "none none",
        "precision": "float32 float32",
        "storage": "float16 float32",
    }


def test_changes_are_told_with_both_values() -> None:
    assert changed({"a": 1, "b": 2, "more": 0}, {"a": 1, "b": 3, "c": 4}) == {
        "b": (2, 3),
        "c": (None, 4),
    }
    assert changed({"a": 1, "more": 0}, {"a": 1}) == {}


def test_a_file_of_another_probe_is_refused() -> None:
    made = provenance()
    made.refuse_other_probe(Probe("a", "b"), "a kernel", "gram@a/b")
    with pytest.raises(StageError, match=r"a kernel of a/c; found that of a/b\..*single-item gram@a/c,"):
        made.refuse_other_probe(Probe("a", "c"), "a kernel", "gram@a/c")


def test_a_file_of_other_rows_is_refused() -> None:
    refuse_other_rows("an SVM", "splits", "12", "12", "dvc repro train@a/b")
    with pytest.raises(
        StageError,
        match=r"an SVM of the splits in the index \(34\); found that of other splits "
        r"\(12\)\..* Next: dvc repro train@a/b\.$",
    ):
        refuse_other_rows("an SVM", "splits", "12", "34", "dvc repro train@a/b")
