"""A whole project to run `dvc` in."""

import json
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from ruamel.yaml import YAML
from support.process import scratch, variables
from support.study import dump


def ran(output: str) -> set[str]:
    """The stages that DVC says it ran."""
    return set(re.findall(r"Running stage '(.*?)'", output))


class Project:
    """A scratch copy of the project, in a git repository of its own."""

    def __init__(self, folder: Path, params: dict[str, Any]) -> None:
        self.folder = folder
        dump(params, folder.with_suffix(".yaml"))
        scratch(folder, folder.with_suffix(".yaml"))

    @classmethod
    def at(cls, folder: Path) -> "Project":
        """The project that is already in `folder`."""
        project = cls.__new__(cls)
        project.folder = folder
        return project

    def run(self, *command: str, status: int = 0) -> str:
        """Run a command to its end, within ten minutes, with this exit status; return its output."""
        # A file and not a pipe: what `dvc queue start` leaves running would keep a pipe open.
        with TemporaryFile("w+") as output:
            done = subprocess.run(
                command, cwd=self.folder, env=variables(), stdin=subprocess.DEVNULL,
                stdout=output, stderr=subprocess.STDOUT, timeout=600, check=False,
            )  # fmt: skip
            output.seek(0)
            said = output.read()
        assert done.returncode == status, said
        return said

    def repro(self, *options: str, status: int = 0) -> set[str]:
        """Run `dvc repro` and return the stages that ran."""
        return ran(self.run("dvc", "repro", *options, status=status))

    def edit(self, change: Any) -> None:
        path = self.folder / "params.yaml"
        params = YAML(typ="safe").load(path)
        change(params)
        dump(params, path)

    def accuracy(self, probe: str) -> float:
        """The accuracy of a probe with the tuned C."""
        path = self.folder / "data" / "svm" / "tuned" / probe / "metrics.json"
        return float(json.loads(path.read_text())["accuracy"])

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
        self.run("git", *identity, "commit", "--quiet", "--message", message)
