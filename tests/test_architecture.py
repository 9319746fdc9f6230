"""The folders are the architecture: who may import whom, and what a stage depends on."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest
from support.graph import BODIES, STAGES
from support.study import ROOT

# Each package and the packages that it may import.
MAY_IMPORT = {
    "runtime": set(),
    "sources": {"runtime"},
    "dataset": {"runtime"},
    "networks": {"runtime"},
    "features": {"runtime"},
    "kernels": {"runtime"},
    "svm": {"kernels", "dataset", "runtime"},
    "inspection": {"dataset", "networks", "runtime"},
    "reporting": {"inspection", "dataset", "runtime"},
    "reporting/figures": {"reporting", "inspection", "dataset", "runtime"},
}
# The stages that load torch when they start, and those that load it when they turn out to need it.
TORCH = {"summarize", "time_training", "fetch_weights", "extract", "inspect_network", "predict"}
HOUSE = ROOT / "stages"
MODULES = sorted(path for path in HOUSE.rglob("*.py") if path.name != "__init__.py")
VERBS = sorted(path for path in HOUSE.glob("*.py") if path.name != "__init__.py")


def name(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def package(path: Path) -> str:
    """The folder of a module, below `stages`; "" for a stage."""
    return "" if path.parent == HOUSE else name(path.parent)


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


def ours(path: Path, at_once: bool = False) -> set[Path]:
    """The project's modules that the file imports."""
    files = (ROOT / (module.replace(".", "/") + ".py") for module in imported(path, at_once))
    return {file for file in files if file.exists()}


def closure(path: Path, at_once: bool = False) -> set[Path]:
    """The project's modules that running `path` reaches by import, itself included."""
    found, waiting = set(), [path]
    while waiting:
        found.add(here := waiting.pop())
        waiting += ours(here, at_once) - found
    return found


def test_every_folder_is_a_package_with_a_line_in_the_table() -> None:
    assert {package(path) for path in MODULES} - {""} == set(MAY_IMPORT)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_package_says_what_it_may_import_and_does_nothing(folder: str) -> None:
    (statement,) = ast.parse((HOUSE / folder / "__init__.py").read_text()).body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)
    told = re.search(r"May import: (.*)\.", str(statement.value.value))
    assert told
    assert set(told[1].split(", ")) == (MAY_IMPORT[folder] or {"no other package"})


def test_packages_import_each_other_in_no_circle() -> None:
    """The table is in an order in which each package imports only packages above it."""
    above: set[str] = set()
    for folder, allowed in MAY_IMPORT.items():
        assert allowed <= above
        above.add(folder)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_obey_the_table(path: Path) -> None:
    used = {package(other) for other in ours(path)} - {package(path)}
    assert "" not in used, "a stage imports no stage: they speak through files"
    if package(path):
        assert used <= MAY_IMPORT[package(path)]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_import_each_other_in_no_circle(path: Path) -> None:
    assert all(path not in closure(other) for other in ours(path))


@pytest.mark.parametrize("stage", STAGES)
def test_code_deps_are_the_stage_and_one_folder_per_package_that_it_reaches(stage: str) -> None:
    reached = {package(path) for path in closure(HOUSE / f"{stage}.py")} - {""}
    outermost = {folder for folder in reached if folder.split("/")[0] not in reached - {folder}}
    listed = {dep for dep in BODIES[stage]["deps"] if dep.startswith("stages/")}
    assert listed == {f"stages/{stage}.py", *(f"stages/{folder}" for folder in outermost)}


def test_every_module_serves_a_stage() -> None:
    assert set(MODULES) - set(VERBS) <= set().union(*map(closure, VERBS))


@pytest.mark.parametrize("path", VERBS, ids=name)
def test_only_what_needs_torch_imports_it(path: Path) -> None:
    """`gram` imports it late, where there is a GPU's driver; `check` late, where it is needed."""
    modules = set().union(*(imported(file, at_once=True) for file in closure(path, at_once=True)))
    loads = any(module.split(".")[0] in {"torch", "torchvision", "timm"} for module in modules)
    assert loads == (path.stem in TORCH)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_runs_its_own_module_and_is_told_its_item_only(stage: str) -> None:
    """Which files it reads and writes is held by tests/system/test_paths.py."""
    item = {f"${{{key}probes}}": " ${item}" for key in ("", "pca.", "predict.")} | {None: ""}
    over = STAGES[stage].get("foreach")
    command = BODIES[stage]["cmd"]
    last = command if isinstance(command, str) else command[-1]
    assert last == f"python -m stages.{stage}{item.get(over, ' ${key}')}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_says_what_it_makes(stage: str) -> None:
    assert BODIES[stage]["desc"]


def test_dvc_yaml_is_short() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 280


@pytest.mark.parametrize("stage", STAGES)
def test_names_are_checked_before_a_shell_meets_them(stage: str) -> None:
    """`download` checks them, and what waits for files of that name waits for it."""
    body = BODIES[stage]
    waits = any("${key}" in dep or "${item}" in dep or dep == "data/images" for dep in body["deps"])
    named = "${" in str(body["cmd"])
    assert (body["cmd"][0] == "python -m stages.check --names") == (named and not waits)


@pytest.mark.parametrize("path", VERBS, ids=name)
def test_main_is_short(path: Path) -> None:
    (main,) = [function for function in functions(path) if function.name == "main"]
    assert length(main) <= 30
    parameters = main.args
    assert len(parameters.args) + len(parameters.kwonlyargs) + bool(parameters.vararg) <= 6


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250
    assert [function.name for function in functions(path) if length(function) > 50] == []


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]


def length(function: ast.FunctionDef) -> int:
    assert function.end_lineno is not None
    return function.end_lineno - function.lineno + 1


def edges() -> set[tuple[str, str]]:
    """Who reads what whom writes, by `dvc.yaml`."""
    written = {file: stage for stage in STAGES for file in outs(stage)}
    return {
        (written[file], stage)
        for stage, body in BODIES.items()
        for dep in map(pattern, body["deps"])
        for file in written
        if (file == dep or file.startswith(f"{dep}/") or dep.startswith(f"{file}/"))
        and written[file] != stage
    }


def outs(stage: str) -> list[str]:
    files = [file for kind in ("outs", "metrics", "plots") for file in BODIES[stage].get(kind, [])]
    return [pattern(file if isinstance(file, str) else next(iter(file))) for file in files]


def pattern(file: str) -> str:
    """The file with * for a view, a backbone or a fusion, and */* for a probe."""
    named = re.sub(r"\$\{(key|item\.view|duplicates\.view)\}", "*", file)
    return re.sub(r"\$\{item[^}]*\}", "*/*", named)


def drawn() -> tuple[set[str], set[tuple[str, str]]]:
    """The stages and the edges of the README's diagram."""
    block = (ROOT / "README.md").read_text().split("```mermaid")[1].split("```")[0]
    nodes, arrows = set(), set()
    for line in block.strip().splitlines()[1:]:
        groups = [
            [re.split(r"[\[(]", node.strip())[0] for node in group.split(" & ")]
            for group in line.split("-->")
        ]
        nodes |= {node for group in groups for node in group}
        arrows |= {(a, b) for one, two in pairwise(groups) for a in one for b in two}
    inside = {(a, b) for a, b in arrows if {a, b} <= set(STAGES)}
    return nodes & set(STAGES), inside


def test_the_readme_draws_the_graph_of_dvc_yaml() -> None:
    """Every stage and no wrong arrow; an arrow that follows from others may be left out."""
    nodes, arrows = drawn()
    real = edges()
    assert nodes == set(STAGES)
    assert arrows - real == set()
    missing = {edge for edge in real if edge not in closed(arrows)}
    assert missing == set()


def closed(arrows: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The arrows and all that follow from them."""
    more = arrows | {(a, d) for a, b in arrows for c, d in arrows if b == c}
    return arrows if more == arrows else closed(more)
