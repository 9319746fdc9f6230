import json
import mmap
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.study import ROOT

from stages.runtime import timing


def test_a_stopwatch_adds_up() -> None:
    watch = timing.Stopwatch()
    for _ in range(2):
        with watch:
            time.sleep(0.01)
    assert watch.seconds >= 0.02


def test_the_peak_sees_what_was_freed() -> None:
    before = timing.resident_bytes()
    with mmap.mmap(-1, 400_000_000) as block:  # not by malloc, which may keep what is freed
        for _ in range(400):
            block.write(bytes(1_000_000))
    assert timing.peak_bytes() >= before + 390_000_000
    assert timing.resident_bytes() < before + 100_000_000


def test_the_peak_is_not_that_of_the_process_that_started_this_one() -> None:
    ballast = np.ones(50_000_000)  # 400 MB
    command = [sys.executable, "-c", "from stages.runtime import timing; print(timing.peak_bytes())"]
    peak = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert int(peak) < ballast.nbytes / 2


def test_processor_time_is_that_of_all_processes_of_a_stage() -> None:
    before = timing.load()
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    after = timing.load()
    assert after["wall_seconds"] - before["wall_seconds"] >= 0.5
    assert after["processor_seconds"] - before["processor_seconds"] >= 0.5


def test_processor_time_of_others_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here this process itself counts as another."""
    monkeypatch.setattr(timing, "_own_seconds", lambda: 0.0)
    monkeypatch.setattr(timing, "_OWN_BEFORE", 0.0)
    before, start = timing.load()["other_seconds"], time.process_time()
    while time.process_time() < start + 0.5:
        pass
    assert timing.load()["other_seconds"] - before >= 0.4


@pytest.mark.parametrize(
    ("own", "others", "slowed"),
    [
        (19.0, 0.5, False),  # alone, on both of two cores
        (10.0, 1.9, False),  # alone, on one of them
        (10.0, 10.0, True),  # another process has one core
        (2.0, 18.0, True),  # a few others have nearly everything
        (1.0, 10.0, False),  # this one mostly waits, and a core is idle
        (18.5, 1.5, False),  # others have less than a tenth
    ],
)
def test_a_time_is_slowed_where_others_have_the_processors(
    own: float, others: float, slowed: bool
) -> None:
    record = {"cores": 2, "wall_seconds": 10.0, "processor_seconds": own, "other_seconds": others}
    assert timing.slowed(record) is slowed


def test_a_record_tells_its_processor(tmp_path: Path) -> None:
    timing.write(tmp_path / "a" / "t.json", fit_seconds=1.5)
    record = json.loads((tmp_path / "a" / "t.json").read_text())
    assert record["fit_seconds"] == 1.5
    assert record["processor"] == timing.processor()
    assert record["peak_bytes"] > 0
    assert record["cores"] == os.cpu_count()
    assert record["load_average"] >= 0
    assert record["wall_seconds"] > 0
    timing.slowed(record)  # has all that it needs


def test_a_record_may_tell_the_load_of_interrupted_runs_too(tmp_path: Path) -> None:
    timing.write(tmp_path / "t.json", wall_seconds=99.0)
    assert json.loads((tmp_path / "t.json").read_text())["wall_seconds"] == 99.0
