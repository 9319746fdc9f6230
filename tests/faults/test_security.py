"""Nothing that was downloaded or written by a user is run."""

import ast
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from support.process import finish
from support.project import Project
from support.study import ROOT


class Planted:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("how", ["torch", "pickle", "inside a state dict"])
def test_pickled_code_in_weights_is_not_run(how: str, tmp_path: Path, study_in: Any, small: Any) -> None:
    path, mark = tmp_path / "data" / "own" / "weights" / "w.pth", tmp_path / "mark"
    path.parent.mkdir(parents=True)
    if how == "pickle":
        path.write_bytes(pickle.dumps(Planted(mark)))
    else:
        torch.save(Planted(mark) if how == "torch" else {"weight": Planted(mark)}, path)
    small["backbones"]["squeeze"]["weights"] = "data/own/weights/w.pth"
    said = finish(study_in(), "stages.fetch_weights", "squeeze", status=1)
    assert "no pickled code" in said
    assert not mark.exists()
    # And it would have run, had it been trusted.
    with path.open("rb") as file:
        torch.load(file, weights_only=False) if how != "pickle" else pickle.load(file)
    assert mark.exists()


def test_nothing_is_loaded_but_weights() -> None:
    """Pickle, eval, shells and the like are refused by ruff's S rules; what torch loads, here."""
    sources = [ast.parse(path.read_text()) for path in (ROOT / "stages").rglob("*.py")]
    calls = [node for tree in sources for node in ast.walk(tree) if isinstance(node, ast.Call)]
    loads = [call for call in calls if ast.unparse(call.func) == "torch.load"]
    assert len(loads) == 2
    assert all("weights_only=True" in ast.unparse(call) for call in loads)


NAMES = [  # without dots: those DVC looks up as parameters, in vain, and stops
    "a; touch x",
    "a$(touch x)",
    "a`touch x`",
    "a' && touch x '",
    "a\n touch x",
    "a > x",
    "-rf",
    "a b",
]


def backbones(params: dict[str, Any]) -> None:
    params["backbones"].update(dict.fromkeys(NAMES, params["backbones"]["squeeze"]))


def layers(params: dict[str, Any]) -> None:
    params["backbones"]["squeeze"]["layers"].update(dict.fromkeys(NAMES, "features.8"))


def fusions(params: dict[str, Any]) -> None:
    params["fusions"] = {name: ["squeeze/pool1", "squeeze/pool2"] for name in NAMES}


def probes(params: dict[str, Any]) -> None:
    params["probes"] += [f"squeeze/{name}" for name in NAMES]


def components(params: dict[str, Any]) -> None:
    params["pca"]["probes"] += [f"squeeze/{name}" for name in NAMES]


def folder(params: dict[str, Any]) -> None:
    params["data"].update(source="folder", folder="a; touch x")


@pytest.mark.parametrize("change", [backbones, layers, fusions, probes, components, folder])
def test_no_name_reaches_a_shell(change: Callable[..., None], project: Project) -> None:
    """DVC puts names into commands; what it would run is refused before."""
    project.run("git", "checkout", "--quiet", ".")  # as it was committed
    (project.folder / "x").unlink(missing_ok=True)
    project.edit(change)
    said = project.run("dvc", "repro", "--keep-going", status=255)
    assert "failed to reproduce" in said
    assert not (project.folder / "x").exists(), said
