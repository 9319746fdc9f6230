"""A disk that is too small, or fills up while a file is written."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from faults.conftest import images_and_weights
from support.graph import BODIES
from support.process import finish, start
from support.project import Project

MB = 10**6


def command(disk: Path) -> list[str]:
    return [
        "stages.extract", "squeeze", "--pixels", "images.h5", "--weights", "w.pth",
        "--features", str(disk / "features"), "--partial", str(disk / "partial"), "--timings", "t.json",
    ]  # fmt: skip


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_extract_says_what_it_will_write_and_refuses_what_does_not_fit(
    study_in: Any, small_disk: Any
) -> None:
    """540 images of 20 KB and more: the first batch shows that 10 MB will not do."""
    folder = study_in(data={"synthetic": {"classes": 6, "images_per_class": 90}})
    images_and_weights(folder)
    said = finish(folder, *command(disk := small_disk(10 * MB)), status=1)
    assert "extract@squeeze will take about" in said
    assert "GB of free disk for extract@squeeze" in said
    assert "dvc gc --workspace" in said
    assert not (disk / "features").exists()
    assert "Traceback" not in said


def test_a_disk_that_fills_up_all_the_same(study_in: Any, small_disk: Any) -> None:
    """Something else takes the room meanwhile; when it is gone, what was done is used."""
    folder = study_in(
        data={"synthetic": {"classes": 6, "images_per_class": 90}}, runtime={"batch_size": 1}
    )
    images_and_weights(folder)
    disk = small_disk(60 * MB)
    process = start(folder, *command(disk))
    while not (kept := disk / "partial" / "progress.json").exists():
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
    assert not (disk / "features").exists()
    (disk / "other").unlink()
    finish(folder, *command(disk))
    assert files(disk) == ["features/pool1.h5", "features/pool2.h5", "partial.lock"]


def test_no_room_for_a_kernel(study_in: Any, small_disk: Any, tmp_path: Path) -> None:
    folder = study_in(data={"synthetic": {"classes": 6, "images_per_class": 90}})
    images_and_weights(folder)
    finish(folder, *command(tmp_path))
    disk = small_disk(1 * MB)  # 540 x 540 float64 are 2.3
    said = finish(
        folder, "stages.gram", "squeeze/pool1", "--features", "features/pool1.h5",
        "--kernel", str(disk / "k.h5"), "--timings", "t.json", status=1,
    )  # fmt: skip
    assert "room on the disk" in said
    assert "Traceback" not in said
    assert files(disk) == []


@pytest.mark.parametrize("size", [100_000, 400_000])
def test_no_room_for_the_report(size: int, project: Project, small_disk: Any) -> None:
    disk, words = small_disk(size), BODIES["report"]["cmd"].split()[2:]
    for option in ("--table", "--figures", "--page", "--html"):
        at = words.index(option) + 1
        words[at] = str(disk / Path(words[at]).name)
    said = finish(project.folder, *words, status=1)
    assert "room on the disk" in said
    assert "Traceback" not in said
    assert "report.html" not in files(disk)
