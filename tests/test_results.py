"""The committed results agree with each other, and with a new run on the real images."""

import csv
import json
import os
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, scratch, variables

from stages.core import config

RESULTS = ROOT / "results"
with (RESULTS / "table.csv").open() as file:
    ROWS = {row["probe"]: row for row in csv.DictReader(file)}
RUN = [probe for probe, row in ROWS.items() if row["status"] == "run"]


def metrics(folder: Path, probe: str) -> dict[str, float]:
    return dict(json.loads((folder / "metrics" / f"{probe}.json").read_text()))


def test_the_table_has_a_row_for_every_probe() -> None:
    assert set(ROWS) == set(config.load(ROOT / "params.yaml")["probes"])


@pytest.mark.parametrize("probe", RUN)
def test_table_metrics_and_predictions_agree(probe: str) -> None:
    with (RESULTS / "predictions" / f"{probe}.csv").open() as file:
        lines = list(csv.DictReader(file))
    right = sum(line["actual"] == line["predicted"] for line in lines)
    assert metrics(RESULTS, probe)["accuracy"] == right / len(lines) == float(ROWS[probe]["accuracy"])
    assert len(lines) == 2985
    assert f"{right / len(lines):.4f}" in (RESULTS / "table.md").read_text()


@pytest.mark.parametrize("probe", sorted(set(ROWS) - set(RUN)))
def test_what_was_not_run_shows_no_number(probe: str) -> None:
    assert ROWS[probe]["accuracy"] == ROWS[probe]["svm_seconds"] == ""
    assert not (RESULTS / "metrics" / f"{probe}.json").exists()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scratch copy of the project with the default study."""
    folder = tmp_path_factory.mktemp("real") / "project"
    scratch(folder, ROOT / "params.yaml")
    return folder


@pytest.mark.real
@pytest.mark.skipif(
    "SCENE15" not in os.environ, reason="set SCENE15=<archive or folder> to try the real images"
)
@pytest.mark.parametrize("probe", ["efficientnet_lite0/avgpool", "efficientnet_lite0/blocks6"])
def test_a_new_run_on_the_real_images(probe: str, real: Path) -> None:
    environment = variables(SCENE15=str(Path(os.environ["SCENE15"]).resolve()))
    subprocess.run(["dvc", "repro", "--quiet", f"train@{probe}"], cwd=real, env=environment, check=True)
    again = metrics(real / "results", probe)
    # Another processor rounds differently: three of 2,985 images may change sides.
    assert abs(again["accuracy"] - metrics(RESULTS, probe)["accuracy"]) <= 3 / 2985
