"""What many tests need: a small study, and a place to run it in."""

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent

SMALL: dict[str, Any] = {
    "data": {
        "source": "synthetic",
        "folder": "data/own/images",
        "image_size": 64,
        "synthetic": {"classes": 3, "images_per_class": 12},
        "mirrors": [],
    },
    "duplicates": {"distance": 16},
    "splits": {"train_per_class": 6, "random": 2, "seed": 0, "group_duplicates": False},
    "backbones": {
        "squeeze": {
            "model": "torchvision/squeezenet1_1",
            "weights": "random",
            "layers": {"pool1": "features.2", "pool2": "features.5"},
        },
        "shuffle": {
            "model": "torchvision/shufflenet_v2_x0_5",
            "weights": "random:1",
            "layers": {"stage2": "stage2"},
        },
    },
    "extract": {"storage": "float16", "precision": "float32"},
    "glimpse": {"images": 2, "batch_size": 8},
    "probes": ["squeeze/pool1", "squeeze/pool2", "shuffle/stage2"],
    "fusions": {"both": ["squeeze/pool2", "shuffle/stage2"]},
    "svm": {
        "C": 1.0,
        "normalize": "none",
        "solver": "newton",
        "grid": [0.01, 0.1, 1.0],
        "folds": 3,
        "seed": 0,
    },
    "softmax": {"C": 1.0, "max_iter": 100},
    "pca": {"probes": ["squeeze/pool2"], "components": [1, 4]},
    "runtime": {"device": "cpu", "batch_size": 8, "memory": 4},
}


def only(params: dict[str, Any], *probes: str) -> None:
    """Make these the study's only probes."""
    params["probes"], params["fusions"] = list(probes), {}
    params["pca"]["probes"] = [probes[0]]


@pytest.fixture
def small() -> dict[str, Any]:
    """A study that runs in seconds, to be changed at will."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Path]:
    """Write the given parameters to an empty folder and go there."""

    def write(params: dict[str, Any]) -> Path:
        dump(params, tmp_path / "params.yaml")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return write


@pytest.fixture
def folder(small: dict[str, Any], study: Callable[[dict[str, Any]], Path]) -> Path:
    """An empty folder with the small study in it, gone to."""
    return study(small)


def dump(params: dict[str, Any], path: Path) -> None:
    """Write `params` as YAML."""
    with path.open("w") as file:
        YAML().dump(params, file)  # in the order of its keys


def scratch(folder: Path, params: Path) -> None:
    """Make a scratch copy of the project, a git repository of its own, with these parameters."""
    subprocess.run([ROOT / "tests" / "scratch.sh", folder, params], cwd=ROOT, check=True)


def variables(**more: str) -> dict[str, str]:
    """The environment in which `dvc` and its stages find this interpreter's programs."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **more}


def start(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """Begin `python -m <arguments>` in `folder`, with processes of its own as one group."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=folder, text=True, start_new_session=True,
        env=variables(PYTHONPATH=str(ROOT), TQDM_DISABLE="1", **more),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(folder: Path, *arguments: str, status: int | None = 0, **more: str) -> str:
    """Run it to its end; return what it says."""
    with start(folder, *arguments, **more) as process:
        said, _ = process.communicate()
    assert status in (None, process.returncode), said
    return said
