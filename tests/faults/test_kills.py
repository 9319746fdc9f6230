"""`kill -9` at any moment: of a stage, of DVC, of both. Then it is run again, and nothing differs."""

import copy
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from faults.conftest import images_and_weights
from ruamel.yaml import YAML
from support.process import finish, start
from support.project import Project
from support.study import SMALL, dump, only

STAGE_KILLS, EXTRACT_KILLS, DVC_KILLS = 8, 24, 5  # at least; the first of each other stage
RESUMED = 5  # runs of `extract`, more than which must find rows of one before them

# What DVC says of each file of its own that is cut off.
NOTES = {"dvc.lock": "'./dvc.lock' ", ".dvc/tmp/rwlock": "Unable to read RWLock-file"}
# Each stage with its arguments, and what it writes besides its times.
RUNS = {
    "decode": (["square64"], ["data/pixels"]),
    "extract": (["squeeze"], ["data/features"]),
    "gram": (["squeeze/pool1"], ["data/kernels"]),
    "tune": (["squeeze/pool1"], ["data/dual", "data/svm"]),
}


def command(stage: str) -> list[str]:
    return [f"stages.{stage}", *RUNS[stage][0]]


def contents(folder: Path, stage: str) -> dict[str, bytes]:
    """What stands under the final names of the stage's outputs."""
    found = [folder / output for output in RUNS[stage][1]]
    paths = [path for top in found for path in (top, *top.rglob("*")) if path.is_file()]
    names = {path.relative_to(folder): path for path in paths}
    return {
        str(name): path.read_bytes()
        for name, path in names.items()
        if not any(part.startswith(".") for part in name.parts)
    }


def remove(folder: Path, stage: str) -> None:
    for output in RUNS[stage][1]:
        path = folder / output
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """A folder in which each stage was run without a kill, and the seconds that each took."""
    folder, seconds = tmp_path_factory.mktemp("kills"), {}
    params: dict[str, Any] = copy.deepcopy(SMALL)
    params["data"]["synthetic"] = {"classes": 6, "images_per_class": 100}
    params["splits"] |= {"train_per_class": 50, "random": 4}
    params["runtime"]["batch_size"] = 4
    dump(params, folder / "params.yaml")
    images_and_weights(folder)
    for stage in RUNS:
        begun = time.perf_counter()
        finish(folder, *command(stage))
        seconds[stage] = time.perf_counter() - begun
    return folder, seconds


def kill(process: subprocess.Popen[str], after: float, *, alone: bool = False) -> str | None:
    """Kill it and all that it started, unless it has ended by then; then return what it said.

    Killed `alone`, what it started lives on.
    """
    assert process.stdout
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        if alone:
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None
    else:
        return process.stdout.read()
    finally:
        process.stdout.close()


@pytest.mark.parametrize("stage", RUNS)
def test_a_stage_that_is_killed(stage: str, made: tuple[Path, dict[str, float]], tmp_path: Path) -> None:
    folder, seconds = tmp_path / "copy", made[1]
    shutil.copytree(made[0], folder)
    whole = contents(folder, stage)
    assert whole
    remove(folder, stage)
    chance, kills, resumed = random.Random(stage), 0, 0
    least = EXTRACT_KILLS if stage == "extract" else STAGE_KILLS
    # Where a start takes long, few of the kills of `extract` come after its first rows: then more kills.
    while kills < least or (stage == "extract" and resumed <= RESUMED and kills < 3 * least):
        resumed += (folder / "data" / "partial" / "squeeze" / "progress.json").exists()
        after = chance.uniform(0.3, 1.05) * seconds[stage]
        if kill(start(folder, *command(stage)), after) is None:
            kills += 1
            # Under its final name a file is whole, or not there.
            assert contents(folder, stage).items() <= whole.items()
        else:
            assert contents(folder, stage) == whole
            remove(folder, stage)
    finish(folder, *command(stage))
    assert contents(folder, stage) == whole
    if stage == "extract":
        assert resumed > RESUMED
        assert not (folder / "data" / "partial" / "squeeze").exists()


def results(project: Project) -> dict[str, str]:
    """The digests of all that the stages made, but for what tells how long they took."""
    lock = YAML(typ="safe").load(project.folder / "dvc.lock")
    outs = (out for stage in lock["stages"].values() for out in stage["outs"])
    timed = ("data/timings", "results")
    return {out["path"]: out["md5"] for out in outs if not out["path"].startswith(timed)}


def test_dvc_is_killed(tmp_path: Path, small: dict[str, Any]) -> None:
    """Now the whole group, now DVC alone, whose stage lives on for a while."""
    del small["backbones"]["shuffle"]
    only(small, "squeeze/pool1", "squeeze/pool2")
    small["data"]["synthetic"] = {"classes": 3, "images_per_class": 60}
    small["runtime"]["batch_size"] = 1
    whole = Project(tmp_path / "whole", small)
    begun = time.perf_counter()
    whole.repro()
    seconds = time.perf_counter() - begun
    project, chance, kills, status = Project(tmp_path / "killed", small), random.Random(0), 0, -1
    while status != 0:
        process = start(project.folder, "dvc", "repro")
        said = kill(process, chance.uniform(0.04, 0.2) * seconds, alone=chance.random() < 0.3)
        kills += said is None
        status = process.returncode
        # Killed while it wrote these: what docs/faults.md says.
        for note, complaint in NOTES.items():
            if status and said and complaint in said:
                (project.folder / note).unlink()
    assert kills >= DVC_KILLS
    time.sleep(3)  # for a stage that lived on
    project.repro()
    assert results(project) == results(whole)
    assert not list((project.folder / "data").glob("partial/*/"))


def test_what_dvc_writes_down_is_cut_off(project: Project) -> None:
    """Removed, as docs/faults.md says; what took long comes back from DVC's cache."""
    project.repro()
    before = results(project)
    for note, complaint in NOTES.items():
        path = project.folder / note
        path.write_text(path.read_text().partition("params.yaml:")[0] + '"params.yaml": {')
        assert complaint in project.run("dvc", "repro", status=255)
        path.unlink()
        assert project.repro() <= {"report"}
        assert results(project) == before
