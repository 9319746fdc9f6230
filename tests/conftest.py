"""What many tests need: a small study, and a place to run it in."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.study import SMALL, dump


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
