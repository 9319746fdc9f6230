"""`dvc.yaml` declares exactly the files that each stage asks `Paths` for."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support.graph import BODIES, STAGES, filled
from support.study import dump

from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

# What a stage depends on without asking `Paths`: folders of the user's own, in which `params.yaml` names
# files; the manifest, which generated scenes do not need.
OWN = ("data/own/weights", "data/own/images", "data/own/splits")
WATCHED = set(map(Path, (*OWN, "data/scene15.csv")))
ORDER = [
    *("download", "decode", "find_duplicates", "split", "fetch_weights", "summarize", "time_training"),
    *(
        "extract",
        "inspect_network",
        "draw",
        "gram",
        "train",
        "tune",
        "fuse",
        "tune_fusion",
        "softmax",
        "knn",
        "learning_curve",
        "similarity",
        "pca",
        "export",
        "report",
    ),
]


class Recorder:
    """`Paths()`, remembering which files it was asked for."""

    def __init__(self) -> None:
        self._paths, self.asked = Paths(), list[Path]()

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._paths, name)
        if not callable(value):
            if name != "data":
                self.asked.append(value)
            return value

        def ask(*arguments: Any) -> Path:
            self.asked.append(value(*arguments))
            return self.asked[-1]

        return ask


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paths")


def arguments(stage: str, small: dict[str, Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """The arguments of `main`, and what DVC fills into the block, for each item of the stage."""
    over = STAGES[stage].get("foreach")
    if over is None:
        yield [], {}
    elif over == "${probes}":
        yield from (([Probe.parse(item)], {"item": item}) for item in small["probes"])
    elif over in ("${pca.probes}", "${predict.probes}"):
        probes = small[re.sub(r"\W|probes", "", over)]["probes"]
        yield from (([Probe.parse(item)], {"item": item}) for item in probes)
    else:
        section = small[re.sub(r"\W", "", over)]
        for key, item in section.items():
            view = {"item.view": item["view"]} if over == "${backbones}" else {}
            yield [key], {"key": key, "item": item, **view}


def declared(stage: str, names: dict[str, Any]) -> set[Path]:
    body = BODIES[stage]
    files = [dep for dep in body["deps"] if not dep.startswith("stages/")]
    for kind in ("outs", "metrics", "plots"):
        files += [file if isinstance(file, str) else next(iter(file)) for file in body.get(kind, [])]
    return {Path(filled(file, names)) for file in files}


def covers(one: Path, other: Path) -> bool:
    return one == other or one in other.parents


def related(one: Path, other: Path) -> bool:
    return covers(one, other) or covers(other, one)


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_asks_for_the_files_that_it_declares(
    stage: str, small: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages run one after the other, in one folder."""
    monkeypatch.chdir(folder)
    dump(small, folder / "params.yaml")
    for argument, names in arguments(stage, small):
        paths = Recorder()
        import_module(f"stages.{stage}").main(*argument, paths=paths)
        names |= {"data.folder": small["data"]["folder"], "duplicates.view": small["duplicates"]["view"]}
        files = declared(stage, names)
        asked = {path for path in paths.asked if not covers(Path("data/partial"), path)}
        assert {path for path in asked if not any(covers(file, path) for file in files)} == set()
        needed = files - WATCHED
        assert {file for file in needed if not any(related(file, path) for path in asked)} == set()


def test_the_order_has_every_stage() -> None:
    assert set(ORDER) == set(STAGES)
