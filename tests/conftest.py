"""Fixtures of many tests: a small study, and a folder to run it in."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from support.study import SMALL, dump

settings.register_profile("project", deadline=None)  # a busy computer is no failure
settings.load_profile("project")


@pytest.fixture
def small() -> dict[str, Any]:
    """The parameters of a study that runs in seconds; a test may change them."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Path]:
    """Return a function that writes parameters to an empty folder and makes it the current one."""

    def write(params: dict[str, Any]) -> Path:
        dump(params, tmp_path / "params.yaml")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return write


@pytest.fixture
def folder(small: dict[str, Any], study: Callable[[dict[str, Any]], Path]) -> Path:
    """The current folder, empty but for the parameters of the small study."""
    return study(small)
