"""Seconds and memory, and the computer on which they were measured.

Times differ from run to run. They have files of their own, under `data/timings/`, so that no other file
changes with them.
"""

import os
import platform
import resource
import time
from pathlib import Path
from typing import Any

from stages.runtime import files


class Stopwatch:
    """The sum of the wall-clock seconds of all blocks `with watch:` in `watch.seconds`."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._start


def resident_bytes() -> int:
    """Resident memory of this process now, in bytes; without Linux's /proc, the peak so far."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak_bytes()


def peak_bytes() -> int:
    """Peak resident memory of this process so far, in bytes."""
    try:
        # Not ru_maxrss, which a process inherits from its parent.
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if platform.system() == "Darwin" else peak * 1024


def processor() -> str:
    """The processor, its cores and the memory, as one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{_processor_name()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def write(path: Path, **values: Any) -> None:
    """Write `values`, the processor and the peak memory of this process to the json file `path`."""
    record = {**values, "processor": processor(), "peak_bytes": peak_bytes()}
    files.write_json(path, record)


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
