import errno
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.study import ROOT

from stages.runtime import hdf5
from stages.runtime.errors import StageError


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.h5"
    with hdf5.writing(path) as file:
        file["values"] = np.arange(5)
        assert not path.exists()
    with h5py.File(path, "r") as file:
        assert file["values"][:].tolist() == [0, 1, 2, 3, 4]
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_failed_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_text("old")
    with pytest.raises(RuntimeError), hdf5.writing(path) as file:
        file["values"] = np.arange(5)
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


FULL = """
import resource, signal
from pathlib import Path
import numpy as np
from stages.runtime import hdf5
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with hdf5.writing(Path("a.h5")) as file:
        file["values"] = np.arange(100_000)
except OSError as error:
    print(error.errno, error.filename)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on a file's size is Linux's")
def test_a_file_that_cannot_be_written_to_the_end_is_an_os_error(tmp_path: Path) -> None:
    command, variables = [sys.executable, "-c", FULL], {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True
    )
    number, name = done.stdout.split()
    assert int(number) == errno.EFBIG
    assert name.endswith("a.h5")
    assert not list(tmp_path.iterdir())


def read(path: Path) -> None:
    with hdf5.reading(path, "the kernel", "gram@a/b"), h5py.File(path, "r") as file:
        file["kernel"][:]


def test_a_missing_file_names_the_stage_to_run(tmp_path: Path) -> None:
    path = tmp_path / "k.h5"
    with pytest.raises(
        StageError, match=rf"the kernel at {path}; found no such file\..* Next: dvc repro gram@a/b\.$"
    ):
        read(path)


def test_a_damaged_file_names_the_stage_to_rerun(tmp_path: Path) -> None:
    path = tmp_path / "k.h5"
    path.write_bytes(b"half a file")
    advice = rf"chmod u\+w {path} && touch {path} && dvc repro gram@a/b\.$"
    with pytest.raises(StageError, match=rf"the kernel at {path}; .* a damaged file\. Next: {advice}"):
        read(path)


def test_a_missing_data_set_is_damage(tmp_path: Path) -> None:
    with hdf5.writing(tmp_path / "k.h5") as file:
        file["other"] = [1]
    with pytest.raises(StageError, match="a damaged file"):
        read(tmp_path / "k.h5")


@pytest.mark.parametrize("error", [OSError, KeyError, RuntimeError])
def test_what_h5py_raises_for_a_damaged_file_is_damage(error: type[Exception], tmp_path: Path) -> None:
    """Of a damaged attribute it says `RuntimeError: Error iterating over attributes`."""
    with (
        pytest.raises(StageError, match="found .*attributes.* a damaged file"),
        hdf5.reading(tmp_path / "k.h5", "the kernel", "gram@a/b"),
    ):
        raise error("Error iterating over attributes")


def test_attributes_are_pythons_own(tmp_path: Path) -> None:
    values = {"n": 7, "C": 0.1, "name": "vgg16", "converged": True, "mean": [0.1, 0.2], "shape": [3, 4]}
    with hdf5.writing(tmp_path / "a.h5") as file:
        file.attrs.update(values)
    with h5py.File(tmp_path / "a.h5", "r") as file:
        again = hdf5.attributes(file)
    assert again == values
    assert {key: type(value) for key, value in again.items()} == {
        key: type(value) for key, value in values.items()
    }
