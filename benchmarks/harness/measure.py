"""How things are measured here: in turn, in one run, as medians with their spread."""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from stages.runtime import timing

RESULTS, SCRATCH = Path(__file__).parents[1] / "results", Path("build/bench")
PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "scikit-learn",
    "numpy",
    "scipy",
    "h5py",
    "hdf5plugin",
    "dvc",
)

Ask = Callable[..., float]  # runs something, returns seconds

# With ImageNet's weights where they could be had; else untrained, which takes as long.
VGG16 = "vgg16" if Path("data/features/vgg16").exists() else "vgg16_random"


@dataclass(frozen=True)
class Times:
    """Seconds of each round."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        low, high = min(self.seconds), max(self.seconds)
        return f"{self.median:.3g} s ({low:.3g} to {high:.3g})" if low < high else f"{low:.3g} s"


@dataclass(frozen=True)
class Row:
    """A line of the page: `what`, ours and the other as told, their `ratio`, and the `target` for it.

    `met` is None where there is no target; `note` says how it was measured, or why a target was missed.
    """

    what: str
    ours: str
    other: str
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""


def timed(task: Callable[[], object]) -> float:
    """The seconds of one call."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def in_turn(rounds: int, **tasks: Callable[[], object]) -> dict[str, Times]:
    """Run every task once to warm up, then all in turn (A B A B ...); return each one's seconds."""
    return alternate(rounds, **{name: partial(timed, task) for name, task in tasks.items()})


def alternate(rounds: int, **tasks: Callable[[], float]) -> dict[str, Times]:
    """`in_turn` of tasks that tell their own seconds."""
    found: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name, task in tasks.items():
            seconds = task()
            if number:
                found[name].append(seconds)
    return {name: Times(seconds) for name, seconds in found.items()}


@contextlib.contextmanager
def process(command: list[str], **variables: str) -> Iterator[Ask]:
    """Start a process that answers each line with a number of seconds; give what asks it."""
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            env={**os.environ, **variables},
        ) as started,
    ):  # fmt: skip

        def ask(line: str = "") -> float:
            answer = ""
            with contextlib.suppress(BrokenPipeError):  # it ended before it was asked
                print(line, file=started.stdin, flush=True)
                answer = started.stdout.readline()
            if not answer:
                log.seek(0)
                raise SystemExit(f"{command} ended:\n{log.read()[-2000:]}")
            return float(answer)

        try:
            yield ask
        finally:
            started.kill()
            with contextlib.suppress(BrokenPipeError):
                started.stdin.close()


def machine() -> dict[str, str]:
    """The machine and the versions of what matters."""
    versions = {package: version(package) for package in PACKAGES}
    return {"machine": timing.processor(), "Python": platform.python_version(), **versions}


def keep(part: str, title: str, rows: list[Row], **more: object) -> None:
    """Print the rows of one part and keep them for `python -m benchmarks.harness.page`."""
    for row in rows:
        mark = {None: "", True: "reached", False: "MISSED"}[row.met]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        print(f"{row.what:60} {row.ours:>28} {row.other:>28} {ratio:>8} {row.target} {mark}  {row.note}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    record: Mapping[str, object] = {
        "title": title, "rows": [asdict(row) for row in rows], "machine": machine(), **more,
    }  # fmt: skip
    (RESULTS / f"{part}.json").write_text(json.dumps(record, indent=2) + "\n")
