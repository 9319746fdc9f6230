"""Stages in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

from support.study import ROOT


def scratch(folder: Path, params: Path) -> None:
    """Make a scratch copy of the project, a git repository of its own, with these parameters."""
    subprocess.run([ROOT / "tests" / "support" / "scratch.sh", folder, params], cwd=ROOT, check=True)


def variables(**more: str) -> dict[str, str]:
    """The environment in which `dvc` and its stages find this interpreter's programs."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **more}


def start(folder: Path, *arguments: str, **more: str) -> subprocess.Popen[str]:
    """Start `python -m <arguments>` in `folder`, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=folder, text=True, start_new_session=True,
        env=variables(PYTHONPATH=str(ROOT), TQDM_DISABLE="1", **more),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(folder: Path, *arguments: str, status: int | None = 0, **more: str) -> str:
    """Run `python -m <arguments>` to its end, with this exit status; return its output."""
    with start(folder, *arguments, **more) as process:
        said, _ = process.communicate()
    assert status in (None, process.returncode), said
    return said
