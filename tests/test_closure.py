"""`dvc.yaml` and the code agree: a stage depends on exactly the code that it runs."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from ruamel.yaml import YAML

STAGES: dict[str, Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
BODIES = {name: stage.get("do", stage) for name, stage in STAGES.items()}
TORCH = {"check", "anatomy", "rehearse", "weights", "extract", "glimpse", "predict"}


def imported(path: Path, at_once: bool = False) -> set[str]:
    """The names of the modules that the file imports, wherever the import stands; or at once only."""
    names, tree = set(), ast.parse(path.read_text())
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def closure(path: Path, at_once: bool = False) -> set[Path]:
    """The project's files that running `path` reaches by import, itself included."""
    found, waiting = set(), [path]
    while waiting:
        found.add(here := waiting.pop())
        for name in imported(here, at_once):
            there = ROOT / (name.replace(".", "/") + ".py")
            if there.exists() and there not in found:
                waiting.append(there)
    return found


@pytest.mark.parametrize("name", STAGES)
def test_code_deps_are_exactly_the_import_closure(name: str) -> None:
    needed = {str(path.relative_to(ROOT)) for path in closure(ROOT / "stages" / f"{name}.py")}
    listed = {dep for dep in BODIES[name]["deps"] if dep.endswith(".py")}
    assert listed == needed


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_imports_no_stage(name: str) -> None:
    others = {path for path in closure(ROOT / "stages" / f"{name}.py") if path.parent.name == "stages"}
    assert others == {ROOT / "stages" / f"{name}.py"}


def test_every_core_module_serves_a_stage() -> None:
    reached = set().union(*(closure(ROOT / "stages" / f"{name}.py") for name in STAGES))
    assert set((ROOT / "stages" / "core").glob("*.py")) <= reached


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("*.py")), ids=lambda path: path.stem)
def test_only_what_needs_torch_imports_it(path: Path) -> None:
    """A kernel imports it late, where there is a GPU's driver."""
    modules = set().union(*(imported(file, at_once=True) for file in closure(path, at_once=True)))
    loads = any(module.split(".")[0] in {"torch", "torchvision", "timm"} for module in modules)
    assert loads == (path.stem in TORCH)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_runs_its_own_module_with_the_paths_it_declares(name: str) -> None:
    body = BODIES[name]
    command = body["cmd"] if isinstance(body["cmd"], str) else body["cmd"][-1]
    assert command.startswith(f"python -m stages.{name} ")
    declared = [dep for dep in body["deps"] if not dep.endswith(".py")]
    for kind in ("outs", "metrics", "plots"):
        declared += [item if isinstance(item, str) else next(iter(item)) for item in body.get(kind, [])]
    # Of a list's members the folder is given; which they are stands in params.yaml.
    declared = [re.sub(r"/\$\{item\[.*", "", path) for path in declared]
    given = re.findall(r"--\w+ (\S+)", command)
    assert given
    # Folders of the user's own are named in params.yaml, and watched.
    watched = {"data/own/weights", "${data.folder}"}
    assert set(given) - {path for path in given if path.startswith("data/partial/")} == (
        set(declared) - watched
    )


@pytest.mark.parametrize("name", STAGES)
def test_names_are_checked_before_a_shell_meets_them(name: str) -> None:
    """`download` checks them, and what waits for files of that name waits for it."""
    body = BODIES[name]
    waits = any("${key}" in dep or "${item}" in dep for dep in body["deps"])
    named = "${" in str(body["cmd"])
    assert (body["cmd"][0] == "python -m stages.names") == (named and not waits)


def test_core_modules_import_each_other_in_no_circle() -> None:
    for path in (ROOT / "stages" / "core").glob("*.py"):
        direct = {ROOT / (n.replace(".", "/") + ".py") for n in imported(path)} & closure(path)
        assert all(path not in closure(other) for other in direct), path


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("*.py")), ids=lambda path: path.stem)
def test_main_is_short(path: Path) -> None:
    (main,) = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "main"
    ]
    assert main.end_lineno is not None
    assert main.end_lineno - main.lineno < 30
