"""How the benchmarks measure (in turn, medians with their spread) and where they keep their rows."""

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
from stages.runtime.paths import Paths

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

Ask = Callable[..., float]  # runs a task and returns its seconds

# The untrained network takes as long; it stands in where ImageNet's weights are not available.
VGG16 = "vgg16" if Paths().feature_folder("vgg16").exists() else "vgg16_random"
LITE = "efficientnet_lite0"


@dataclass(frozen=True)
class Times:
    """Seconds of each round."""

    seconds: list[float]

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        low, high = min(self.seconds), max(self.seconds)
        return f"{self.median:.3g} s ({low:.3g} to {high:.3g})" if low < high else f"{low:.3g} s"


@dataclass(frozen=True)
class Row:
    """One line of the page: `what` was compared, our result, the other one, their `ratio`, the `target`.

    `met` is None without a target. `note` says how it was measured or why the target was missed.
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
    """Run each task once to warm up, then all in turn (A B A B ...); return the seconds of each."""
    return alternate(rounds, **{name: partial(timed, task) for name, task in tasks.items()})


def alternate(rounds: int, **tasks: Callable[[], float]) -> dict[str, Times]:
    """`in_turn` for tasks that return their own seconds."""
    kept: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds + 1):
        for name, task in tasks.items():
            seconds = task()
            if number:
                kept[name].append(seconds)
    return {name: Times(seconds) for name, seconds in kept.items()}


@contextlib.contextmanager
def process(command: list[str], **variables: str) -> Iterator[Ask]:
    """Start a process that answers each line with seconds; give the function that asks it."""
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            env={**os.environ, **variables},
        ) as started,
    ):  # fmt: skip

        def ask(line: str = "") -> float:
            answer = ""
            with contextlib.suppress(BrokenPipeError):  # the process ended before the question
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


def environment() -> dict[str, str]:
    """The processor and the versions of Python and the packages that matter."""
    versions = {package: version(package) for package in PACKAGES}
    return {"processor": timing.processor(), "Python": platform.python_version(), **versions}


def keep(part: str, title: str, rows: list[Row], **more: object) -> None:
    """Print the rows of one part and write them to results/<part>.json for `benchmarks.harness.page`."""
    for row in rows:
        mark = {None: "", True: "reached", False: "MISSED"}[row.met]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        print(f"{row.what:60} {row.ours:>28} {row.other:>28} {ratio:>8} {row.target} {mark}  {row.note}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    record: Mapping[str, object] = {
        "title": title, "rows": [asdict(row) for row in rows], "environment": environment(), **more,
    }  # fmt: skip
    (RESULTS / f"{part}.json").write_text(json.dumps(record, indent=2) + "\n")
