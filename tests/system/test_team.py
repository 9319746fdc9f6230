"""A colleague clones the repository and pulls from a shared folder."""

from pathlib import Path

import pytest
from support.project import Project, ran
from support.study import SMALL

FIXED = {"train@squeeze/pool1", "train@squeeze/pool2", "train@shuffle/stage2", "fuse@both", "report"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose results are committed and whose files are pushed."""
    project = Project(tmp_path_factory.mktemp("team") / "project", SMALL)
    project.run("dvc", "remote", "add", "--default", "storage", str(tmp_path_factory.mktemp("storage")))
    project.repro()
    project.run("dvc", "push", "--quiet")
    project.commit("Results")
    return project


def clone(shared: Project, folder: Path) -> Project:
    shared.run("git", "clone", "--quiet", ".", str(folder))
    return Project.at(folder)


def test_what_was_pulled_is_not_run_again(shared: Project, tmp_path: Path) -> None:
    theirs = clone(shared, tmp_path / "theirs")
    theirs.run("dvc", "pull", "--quiet")
    assert theirs.repro() == set()


def test_kernels_alone_are_enough_for_another_c(shared: Project, tmp_path: Path) -> None:
    """Neither images nor features nor weights are there."""
    theirs = clone(shared, tmp_path / "theirs")
    theirs.run("make", "--old-file", ".venv/.made", "pull-kernels")
    theirs.edit(lambda p: p["svm"].update(C=1e-6))
    assert ran(theirs.run("dvc", "repro", "--allow-missing")) == FIXED
    assert not (theirs.folder / "data" / "features").exists()
    assert not (theirs.folder / "data" / "weights").exists()
