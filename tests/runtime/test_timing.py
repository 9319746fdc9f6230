import json
import mmap
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
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


def test_a_record_tells_its_processor(tmp_path: Path) -> None:
    timing.write(tmp_path / "a" / "t.json", fit_seconds=1.5)
    record = json.loads((tmp_path / "a" / "t.json").read_text())
    assert record["fit_seconds"] == 1.5
    assert record["processor"] == timing.processor()
    assert record["peak_bytes"] > 0
