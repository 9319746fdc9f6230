"""Files that are damaged, or are others than their name says: noticed before a number is told."""

import os
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from faults.conftest import images_and_weights
from support.process import finish
from support.project import Project
from support.study import SMALL, dump

from stages.dataset import index
from stages.kernels import gram
from stages.runtime.probe import Probe

FLIPS = 12
METRICS = Path("data/svm/fixed/squeeze/pool2/metrics.json")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with features, kernels and SVMs of the small study."""
    folder = tmp_path_factory.mktemp("whole")
    dump(SMALL, folder / "params.yaml")
    images_and_weights(folder)
    for backbone in SMALL["backbones"]:
        finish(folder, "stages.fetch_weights", backbone)
        finish(folder, "stages.extract", backbone)
    for probe in SMALL["probes"]:
        kernel(folder, probe)
        train(folder, probe)
    return folder


def kernel(folder: Path, probe: str, status: int | None = 0) -> str:
    return finish(folder, "stages.gram", probe, status=status)


def train(folder: Path, probe: str, status: int | None = 0) -> str:
    return finish(folder, "stages.train", probe, status=status)


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to do harm to, without the results."""
    shutil.copytree(whole, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "data" / "svm")
    return tmp_path / "copy"


def refused(said: str, folder: Path) -> None:
    assert said.count("expected") == 1, said
    assert "Traceback" not in said
    assert re.search(r"Next: (chmod u.w (\S+) && touch \2 && )?dvc repro", said)
    assert not (folder / METRICS).exists()


@pytest.mark.parametrize(("stage", "what"), [(kernel, "features"), (train, "kernels")])
def test_a_flipped_byte(stage: Callable[..., str], what: str, folder: Path) -> None:
    """Anywhere: in the data it is noticed; where HDF5 keeps its own books, noticed or of no effect."""
    path, chance = folder / "data" / what / "squeeze" / "pool2.h5", random.Random(0)
    data, noticed = path.read_bytes(), 0
    made = folder / {kernel: "data/kernels/squeeze/pool2.h5", train: METRICS}[stage]
    stage(folder, "squeeze/pool2")
    expected = made.read_bytes()
    for _ in range(FLIPS):
        place = chance.randrange(len(data))
        damaged = bytearray(data)
        damaged[place] ^= chance.randrange(1, 256)
        path.write_bytes(damaged)
        (folder / METRICS).unlink(missing_ok=True)
        said = stage(folder, "squeeze/pool2", status=None)
        if "error" in said:
            refused(said, folder)
            noticed += 1
        else:
            assert made.read_bytes() == expected, place
    assert noticed >= FLIPS / 2


@pytest.mark.parametrize(("stage", "what"), [(kernel, "features"), (train, "kernels")])
@pytest.mark.parametrize("kept", [0, 100, 0.5, -1])
def test_a_truncated_file(stage: Callable[..., str], what: str, kept: float, folder: Path) -> None:
    path = folder / "data" / what / "squeeze" / "pool2.h5"
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if 0 < kept < 1 else int(kept)])
    refused(stage(folder, "squeeze/pool2", status=1), folder)


@pytest.mark.parametrize(("stage", "what"), [(kernel, "features"), (train, "kernels")])
@pytest.mark.parametrize("other", ["squeeze/pool1", "shuffle/stage2"])
def test_a_file_of_another_layer_under_the_right_name(
    stage: Callable[..., str], what: str, other: str, folder: Path
) -> None:
    shutil.copy(folder / "data" / what / f"{other}.h5", folder / "data" / what / "squeeze" / "pool2.h5")
    said = stage(folder, "squeeze/pool2", status=1)
    assert f"of squeeze/pool2; found that of {other}" in said
    refused(said, folder)


def test_a_kernel_of_other_images(folder: Path) -> None:
    probe = Probe("squeeze", "pool2")
    path = folder / "data" / "kernels" / f"{probe}.h5"
    K, provenance = gram.read(path, probe)
    gram.write(path, K, replace(provenance, rows="1234"))
    refused(train(folder, "squeeze/pool2", status=1), folder)


def test_a_kernel_with_a_nan(folder: Path) -> None:
    with h5py.File(folder / "data" / "kernels" / "squeeze" / "pool2.h5", "r+") as file:
        file["kernel"][3, 4] = np.nan
    said = train(folder, "squeeze/pool2", status=1)
    assert "found NaN or infinity" in said
    refused(said, folder)


def test_an_index_with_two_rows_swapped(folder: Path) -> None:
    images = index.read(folder / "data" / "index.csv")
    keys = list(images.keys)
    keys[3], keys[20] = keys[20], keys[3]
    index.write(folder / "data" / "index.csv", index.Index(keys, images.split))
    refused(train(folder, "squeeze/pool2", status=1), folder)


@pytest.mark.parametrize(
    ("damaged", "reader"),
    [
        ("kernels/squeeze/pool1.h5", "train@squeeze/pool1"),
        ("features/squeeze/pool1.h5", "gram@squeeze/pool1"),
    ],
)
def test_what_is_told_to_do_mends_it(damaged: str, reader: str, project: Project) -> None:
    """Also where the byte is flipped in DVC's cache too, and neither size nor time tells."""
    path = project.folder / "data" / damaged
    before, whole = path.stat(), path.read_bytes()
    assert before.st_nlink > 1  # the very file that is in the cache
    with path.open("r+b") as file:
        file.seek(len(whole) // 2)
        file.write(bytes([whole[len(whole) // 2] ^ 255]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    said = project.run("dvc", "repro", "--force", "--single-item", reader, status=255)
    project.run("sh", "-c", re.findall(r"Next: (chmod .*)\.\n", said)[0])
    assert path.read_bytes() == whole
    project.repro()
