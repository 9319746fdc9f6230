"""The benchmarks are imported and listed; nothing is measured here."""

import importlib
import re

import pytest
from support.study import ROOT

PARTS = {path.stem for path in (ROOT / "benchmarks/parts").glob("*.py")} - {"__init__"}
MAKEFILE = (ROOT / "Makefile").read_text()


def listed(variable: str) -> set[str]:
    """The words of a variable of the Makefile."""
    (words,) = re.findall(rf"(?m)^{variable} = (.*)$", MAKEFILE)
    return set(words.split())


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_part_says_how_it_is_run_and_why_it_is_optional(part: str) -> None:
    text = importlib.import_module(f"benchmarks.parts.{part}").__doc__
    assert f"    python -m benchmarks.parts.{part}" in text
    assert ("Optional (`make bench-optional`): " in text) == (part in listed("OPTIONAL"))


def test_make_runs_every_part() -> None:
    assert listed("PARTS") | listed("OPTIONAL") == PARTS
    assert not listed("PARTS") & listed("OPTIONAL")


def test_every_part_has_results_and_a_section() -> None:
    page = (ROOT / "benchmarks/README.md").read_text()
    assert {path.stem for path in (ROOT / "benchmarks/results").glob("*.json")} == PARTS
    assert set(re.findall(r"python -m benchmarks\.parts\.(\w+)", page)) == PARTS
