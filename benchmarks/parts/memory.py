"""Measure the peak memory of each stage on the widest layer: pool1 of VGG16, 802,816 features.

    python -m benchmarks.parts.memory
    python -m benchmarks.parts.memory --stages gram train

Runs after `dvc repro`, for six minutes, on Linux only: runs the stages of pool1 as DVC does, `extract`
on 128 of the images and all others on the real files. Outputs go to a temporary folder. Five times a
second the benchmark sums the memory of a stage and the processes it started: their proportional set
size, which counts shared memory once.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.harness.measure import VGG16, Row, keep
from benchmarks.harness.miniature import PROJECT, Miniature, link
from stages.runtime import files
from stages.runtime.params import load_params
from stages.runtime.probe import Probe

ROOT = Path.cwd()
BACKBONE, LAYER = VGG16, "pool1"
PROBE = Probe(BACKBONE, LAYER)
IMAGES = 128
STAGES = ("extract", "gram", "train", "tune", "softmax", "pca", "export")
LIMITED, LIMIT = ("gram", "train", "tune"), 2 * 2**30
EVERY = 0.2  # seconds


@dataclass(frozen=True)
class Peak:
    """Peak bytes of all processes of a stage together, and of its first process alone."""

    together: int
    alone: int
    seconds: float


def command(stage: str, miniature: Miniature) -> list[str]:
    """What dvc.yaml runs for `stage`, with all outputs in the miniature's folder."""
    paths = miniature.paths("images" if stage == "extract" else "linked")
    name = BACKBONE if stage == "extract" else str(PROBE)
    folders = ["--data", str(paths.data), "--results", str(paths.results)]
    return [sys.executable, "-m", f"stages.{stage}", name, *folders]


def prepare(miniature: Miniature) -> None:
    """Make the images for `extract`, and links to the project's files for all other stages."""
    miniature.set_params([LAYER])
    miniature.add_images("images", IMAGES)
    inputs = (PROJECT.pixels(load_params()["duplicates"]["view"]), PROJECT.index, PROJECT.random_splits)
    probe = (PROJECT.features(PROBE), PROJECT.kernel(PROBE), PROJECT.dual(PROBE))
    link(miniature.paths("linked"), *inputs, *probe)


def watch(words: Sequence[str], folder: Path) -> Peak:
    """Run a command in `folder` and sample its memory until it ends."""
    together = alone = 0
    start = time.perf_counter()
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1"}
    process = psutil.Popen(words, cwd=folder, env=variables)
    while process.poll() is None:
        tree = [process.pid, *(child.pid for child in process.children(recursive=True))]
        together = max(together, sum(_kilobytes(pid, "smaps_rollup", "Pss:") for pid in tree))
        alone = max(alone, _kilobytes(process.pid, "status", "VmHWM:"))
        time.sleep(EVERY)
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with status {process.returncode}")
    return Peak(together * 1024, alone * 1024, time.perf_counter() - start)


def _kilobytes(pid: int, file: str, key: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/{file}").read_text().split(key)[1].split()[0])
    except (OSError, IndexError):
        return 0  # the process has just ended


def row(stage: str, peak: Peak, miniature: Miniature) -> Row:
    """A line of the page."""
    note = f"{peak.seconds:.0f} s, being watched"
    if stage == "extract":
        timings = miniature.paths("images").timings("extract", BACKBONE)
        loaded = files.read_json(timings)["loaded_bytes"]
        note += f"; {IMAGES} images; {_gib(loaded)} of it before the first, the network among them"
    return Row(
        f"{stage}, {PROBE}, with the processes it starts",
        _gib(peak.together),
        f"{_gib(peak.alone)} its first process",
        target="less than 2 GiB" if stage in LIMITED else "",
        # The system reports the first process's peak exactly; sampling the sum can miss a short peak.
        met=max(peak.together, peak.alone) < LIMIT if stage in LIMITED else None,
        note=note,
    )


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"


def main() -> None:
    """Watch each stage and keep the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    chosen, rows = parser.parse_args().stages, []
    with tempfile.TemporaryDirectory() as temporary:
        miniature = Miniature(Path(temporary).absolute(), BACKBONE)
        prepare(miniature)
        for stage in (stage for stage in STAGES if stage in chosen):
            print(f"{stage} of {PROBE}", flush=True)
            folder = miniature.folder if stage == "extract" else ROOT
            rows.append(row(stage, watch(command(stage, miniature), folder), miniature))
    keep("memory", "Memory", rows)


if __name__ == "__main__":
    main()
