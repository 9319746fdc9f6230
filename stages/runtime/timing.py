"""Seconds and memory, the computer on which they were measured, and how busy it was.

Times differ from run to run. They have files of their own, under `data/timings/`, so that no other file
changes with them.
"""

import os
import platform
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

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


def load() -> dict[str, float]:
    """How busy the computer has been since this module was imported, in seconds.

    wall_seconds : the time on the clock
    processor_seconds : the processor time of this process and its children, of all cores
    other_seconds : the processor time of all other processes, of all cores
    """
    own, every = _own_seconds() - _OWN_BEFORE, _all_seconds() - _ALL_BEFORE
    return {
        "wall_seconds": time.perf_counter() - _BEFORE,
        "processor_seconds": own,
        "other_seconds": max(0.0, every - own),
    }


def slowed(record: Mapping[str, Any]) -> bool:
    """Whether other processes slowed what the `record` of `write` measured.

    Then all cores were busy, and others had more than a tenth of them.
    """
    available = record["cores"] * record["wall_seconds"]
    own, others = record["processor_seconds"], record["other_seconds"]
    return bool(others > 0.1 * available and own + others > 0.9 * available)


def write(path: Path, **values: Any) -> None:
    """Write `values`, the processor, its load and the peak memory of this process to the file `path`.

    `load_average` is the number of processes that ran or waited during the last minute.
    """
    record = {
        **load(),
        **values,
        "cores": os.cpu_count(),
        "load_average": psutil.getloadavg()[0],
        "processor": processor(),
        "peak_bytes": peak_bytes(),
    }
    files.write_json(path, record)


def _own_seconds() -> float:
    """The processor time of this process and its children, running or not, in seconds."""
    process = psutil.Process()
    spent = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
        # Of children that have ended; not every operating system tells.
        spent += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return spent


def _all_seconds() -> float:
    """The processor time of all processes since the computer was started, in seconds."""
    times = psutil.cpu_times()._asdict()
    # Linux counts the time of a guest in `user` and in `nice` as well.
    idle = ("idle", "iowait", "guest", "guest_nice")
    return float(sum(value for name, value in times.items() if name not in idle))


_BEFORE, _OWN_BEFORE, _ALL_BEFORE = time.perf_counter(), _own_seconds(), _all_seconds()


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
