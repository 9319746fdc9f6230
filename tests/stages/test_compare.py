"""Two real branches, in a git repository of its own."""

import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.examples import PROBE, overlapping

from stages import compare, train, tune
from stages.dataset import splits
from stages.runtime.errors import StageError
from stages.runtime.files import write_csv
from stages.runtime.paths import Paths


def git(*words: str) -> None:
    name = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *name, *words], check=True, capture_output=True)


@pytest.fixture
def branches(folder: Path, small: dict[str, Any], study: Any) -> Path:
    """On `main` the SVM has C = 1; here, not committed, a C that is too small."""
    (folder / ".gitignore").write_text("data\n")
    git("init", "--quiet", "--initial-branch", "main")
    images, _ = overlapping()
    draw = partial(splits.draw, images.keys, np.arange(90), train_per_class=15)
    splits.write(Paths().random_splits, [draw(seed=[1, i]) for i in range(3)])
    for C in (1.0, 1e-9):
        small["svm"]["C"] = C
        study(small)
        train.main(PROBE, paths=Paths())
        tune.main(PROBE, paths=Paths())
        write_csv(Paths().table, ["probe", "status"], [[PROBE, "run"]])
        shutil.copytree("data/svm", "results/svm", dirs_exist_ok=True)
        if C == 1:
            git("add", "--all")
            git("commit", "--quiet", "--message", "Results")
    return folder


def test_what_differs_is_told_with_a_test(branches: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(branches.rglob("results/**/*"))
    compare.main("main", paths=Paths())
    tuned, fixed = capsys.readouterr().out.split("Fixed C:")
    assert "Tuned C: the same." in tuned
    (line,) = (line for line in fixed.splitlines() if line.startswith("a/b"))
    cells = line.split()
    assert float(cells[1]) > float(cells[2])
    assert float(cells[3]) == pytest.approx(100 * (float(cells[2]) - float(cells[1])), abs=0.02)
    assert sorted(branches.rglob("results/**/*")) == before


def test_markdown(branches: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare.main("HEAD", markdown=True, paths=Paths())
    assert "| a/b " in capsys.readouterr().out


def test_a_revision_that_does_not_exist_is_told(branches: Path) -> None:
    with pytest.raises(StageError, match="expected a branch or commit .*; found nowhere: .*git branch"):
        compare.main("nowhere", paths=Paths())


@pytest.mark.parametrize(("lack", "found"), [("table", "none"), ("runs", "those of an older layout")])
def test_a_side_without_results_is_told(lack: str, found: str, branches: Path) -> None:
    kept = Paths().committed()
    gone = {"table": [kept.table], "runs": [kept.run(PROBE, how) for how in ("tuned", "fixed")]}
    for path in gone[lack]:
        path.unlink()
    with pytest.raises(StageError, match=f"in this folder; found {found}"):
        compare.main("main", paths=Paths())
    git("add", "--all")
    git("commit", "--quiet", "--message", "Less")
    git("checkout", "--quiet", "HEAD~1", "--", "results")
    with pytest.raises(StageError, match=f"in main; found {found}"):
        compare.main("main", paths=Paths())
