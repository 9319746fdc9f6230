"""A disk that is too small, or fills up while a file is written."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from faults.conftest import images_and_weights
from support.process import finish, start
from support.project import Project

MB = 10**6


EXTRACT = ("stages.extract", "squeeze")


def put_on(disk: Path, folder: Path, *names: str) -> None:
    """Let these folders below data/ lie on the disk."""
    for name in names:
        (disk / name).mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            (folder / "data" / name).rmdir()
        (folder / "data" / name).symlink_to(disk / name)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_extract_says_what_it_will_write_and_refuses_what_does_not_fit(
    study_in: Any, small_disk: Any
) -> None:
    """540 images of 20 KB and more: the first batch shows that 10 MB will not do."""
    folder = study_in(data={"synthetic": {"classes": 6, "images_per_class": 90}})
    images_and_weights(folder)
    put_on(disk := small_disk(10 * MB), folder, "features", "partial")
    said = finish(folder, *EXTRACT, status=1)
    assert "extract@squeeze will take about" in said
    assert "GB of free disk for extract@squeeze" in said
    assert "dvc gc --workspace" in said
    assert not (disk / "features" / "squeeze").exists()
    assert "Traceback" not in said


def test_a_disk_that_fills_up_all_the_same(study_in: Any, small_disk: Any) -> None:
    """Something else takes the room meanwhile; when it is gone, what was done is used."""
    folder = study_in(
        data={"synthetic": {"classes": 6, "images_per_class": 90}}, runtime={"batch_size": 1}
    )
    images_and_weights(folder)
    put_on(disk := small_disk(60 * MB), folder, "features", "partial")
    process = start(folder, *EXTRACT)
    while not (kept := disk / "partial" / "squeeze" / "progress.json").exists():
        time.sleep(0.05)
    with (disk / "other").open("wb", buffering=0) as other, suppress(OSError):
        while True:
            other.write(bytes(4096))
    said, _ = process.communicate()
    assert process.returncode == 1, said
    assert 0 < json.loads(kept.read_text())["rows"] < 540
    assert "room on the disk" in said
    assert "make clean-partial" in said
    assert "Traceback" not in said
    assert not (disk / "features" / "squeeze").exists()
    (disk / "other").unlink()
    finish(folder, *EXTRACT)
    assert files(disk) == [
        "features/squeeze/pool1.h5",
        "features/squeeze/pool2.h5",
        "partial/squeeze.lock",
    ]


def test_no_room_for_a_kernel(study_in: Any, small_disk: Any) -> None:
    folder = study_in(data={"synthetic": {"classes": 6, "images_per_class": 90}})
    images_and_weights(folder)
    finish(folder, *EXTRACT)
    put_on(disk := small_disk(1 * MB), folder, "kernels")  # 540 x 540 float64 are 2.3
    said = finish(folder, "stages.gram", "squeeze/pool1", status=1)
    assert "room on the disk" in said
    assert "Traceback" not in said
    assert files(disk) == []


@pytest.mark.parametrize("size", [100_000, 400_000])
def test_no_room_for_the_report(size: int, project: Project, small_disk: Any) -> None:
    results = small_disk(size) / "results"
    said = finish(project.folder, "stages.report", "--results", str(results), status=1)
    assert "room on the disk" in said
    assert "Traceback" not in said
    assert files(results.parent) == []
