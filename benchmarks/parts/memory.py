"""Memory: the peak of each stage for the widest layer of all, VGG16's pool1 with 802,816 features.

    python -m benchmarks.parts.memory
    python -m benchmarks.parts.memory --stages kernel train

After `dvc repro` (Linux only): runs the stages of pool1 as DVC does, `extract` on 128 of the images, all
others on the real files, and writes to a temporary folder. Five times a second it adds up what a stage
and the processes it started hold: their proportional set size, in which what several share counts once.
Six minutes.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.harness.measure import VGG16, Row, keep
from benchmarks.harness.miniature import Study

ROOT = Path.cwd()
BACKBONE, LAYER = VGG16, "pool1"
PROBE = f"{BACKBONE}/{LAYER}"
IMAGES = 128
STAGES = ("extract", "kernel", "train", "softmax", "reduce", "export")
LIMITED, LIMIT = ("kernel", "train"), 2 * 2**30
EVERY = 0.2  # seconds


@dataclass(frozen=True)
class Peak:
    """The most that all processes of a stage held together, and the most that its first one held."""

    together: int
    alone: int
    seconds: float


def command(stage: str, folder: Path) -> list[str]:
    """What dvc.yaml runs, with its outputs in `folder`."""
    kernel, rows = f"data/kernels/{PROBE}.h5", "data/index.csv"
    made = folder / "machine.h5"
    options: dict[str, dict[str, object]] = {
        "extract": {
            "pixels": folder / "images.h5", "weights": ROOT / f"data/weights/{BACKBONE}.pth",
            "features": folder / "features", "partial": folder / "partial",
        },
        "kernel": {"features": f"data/features/{PROBE}.h5", "kernel": folder / "kernel.h5"},
        "train": {
            "kernel": kernel, "rows": rows, "further": "data/splits.csv", "machine": made,
            "metrics": folder / "train.json", "predictions": folder / "predictions.csv",
            "curve": folder / "curve.csv", "trials": folder / "trials.csv",
        },
        "softmax": {"kernel": kernel, "rows": rows, "metrics": folder / "softmax.json"},
        "reduce": {"kernel": kernel, "rows": rows, "curve": folder / "pca.csv"},
        "export": {
            "features": f"data/features/{PROBE}.h5", "kernel": kernel, "rows": rows,
            "machine": made if made.exists() else f"data/machines/{PROBE}.h5",
            "pixels": "data/images.h5", "model": folder / "model.h5",
        },
    }  # fmt: skip
    if stage != "export":
        options[stage]["timings"] = folder / f"timings/{stage}.json"
    words = [word for name, value in options[stage].items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", f"stages.{stage}", BACKBONE if stage == "extract" else PROBE, *words]


def watch(words: Sequence[str], folder: Path) -> Peak:
    """Run a command in `folder`, and look at its memory until it ends."""
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
        return 0  # it has just ended


def row(stage: str, peak: Peak, folder: Path) -> Row:
    """A line of the page."""
    note = f"{peak.seconds:.0f} s, being watched"
    if stage == "extract":
        loaded = json.loads((folder / "timings/extract.json").read_text())["loaded_bytes"]
        note += f"; {IMAGES} images; {_gib(loaded)} of it before the first, the network among them"
    return Row(
        f"{stage}, {PROBE}, with the processes it starts",
        _gib(peak.together),
        f"{_gib(peak.alone)} its first process",
        target="less than 2 GiB" if stage in LIMITED else "",
        # Its own peak is the system's, and exact; a sum over processes can miss a short one.
        met=max(peak.together, peak.alone) < LIMIT if stage in LIMITED else None,
        note=note,
    )


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB"


def main() -> None:
    """Watch each stage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    chosen, rows = parser.parse_args().stages, []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if "extract" in chosen:
            study = Study(folder, BACKBONE)
            study.set_params([LAYER])
            study.add_images("images", IMAGES)
        for stage in (stage for stage in STAGES if stage in chosen):
            print(f"{stage} of {PROBE}", flush=True)
            peak = watch(command(stage, folder), folder if stage == "extract" else ROOT)
            rows.append(row(stage, peak, folder))
    keep("memory", "Memory", rows)


if __name__ == "__main__":
    main()
