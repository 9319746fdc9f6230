"""What goes wrong on real machines, tried for real: `make faults`."""

import copy
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.process import finish
from support.project import Project
from support.study import SMALL, dump, only

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave all of these out of `make test`."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.faults)


def images_and_weights(folder: Path) -> None:
    """Make the pixels, the index, the splits and the weights of squeeze, by the parameters there."""
    for stage in ("download", "decode", "find_duplicates", "split"):
        finish(folder, f"stages.{stage}", *(["square64"] if stage == "decode" else []))
    finish(folder, "stages.fetch_weights", "squeeze")


def peak_bytes(folder: Path, *arguments: str, **more: str) -> tuple[int, str]:
    """Run it to its end; return the most resident memory it had, and what it says."""
    said = finish(folder, "tests.support.peak", *arguments, **more)
    return int(said.splitlines()[-1]), said


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with all its results, committed."""
    params = copy.deepcopy(SMALL)
    del params["backbones"]["shuffle"]
    only(params, "squeeze/pool1", "squeeze/pool2")
    project = Project(tmp_path_factory.mktemp("faults") / "project", params)
    project.repro()
    project.commit("Results")
    return project


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Any]:
    """Mount a disk of so many bytes; skipped where that is not allowed."""
    mounted = []

    def mount(size: int) -> Path:
        folder = tmp_path / "disk"
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def study_in(tmp_path: Path, small: dict[str, Any]) -> Any:
    """Write the small study, with what is changed in it, to a folder."""

    def write(folder: Path = tmp_path, **sections: dict[str, Any]) -> Path:
        for name, changes in sections.items():
            small[name].update(changes)
        dump(small, folder / "params.yaml")
        return folder

    return write
