"""Tell what `dvc repro` would run, and how long that took the last time.

    python -m stages.forecast

Reads the state of the pipeline through DVC, and data/timings/. Writes nothing. A stage runs if what it
depends on changed. A stage after it may turn out to have nothing to do, so this is the most that runs.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo

from stages.runtime import command, files
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths


def main(*, paths: Paths) -> None:
    """Print what is up to date, what is to run, and its time."""
    try:
        with Repo() as repo:
            graph = repo.index.graph  # an edge leads from a stage to one that it depends on
            changed = repo.status()
    except (DvcException, LockError) as error:
        raise StageError(
            expected="DVC to tell the state of the pipeline",
            found=str(error),
            cause="another dvc command that runs, or a slip in params.yaml or dvc.yaml",
            do="python -m stages.check",
        ) from error
    seconds = {stage.addressing: last_seconds(stage, paths) for stage in graph}
    print(tell(after(graph, changed), seconds))


def after(graph: Any, changed: Iterable[str]) -> set[str]:
    """The names of the `changed` stages and of all that depend on them."""
    stages = {stage.addressing: stage for stage in graph}
    found, waiting = set(), [name for name in changed if name in stages]
    while waiting:
        found.add(name := waiting.pop())
        above = {stage.addressing for stage in graph.predecessors(stages[name])}
        waiting += above - found
    return found


def last_seconds(stage: Any, paths: Paths) -> float | None:
    """The seconds that a stage of DVC took when it wrote its times; None if it never did."""
    for out in stage.outs:
        path = Path(out.def_path)
        if paths.data / "timings" in path.parents and path.exists():
            return float(files.read_json(path)["wall_seconds"])
    return None


def tell(waiting: set[str], seconds: Mapping[str, float | None]) -> str:
    """What runs, in words; `seconds` has every stage.

    The time of a stage that has none is the mean of its siblings', the stages of the same name before
    the @. To start a stage takes a second.
    """
    if not waiting:
        return f"All {len(seconds)} stages are up to date."
    known: dict[str, list[float]] = {}
    for name, spent in seconds.items():
        if spent is not None:
            known.setdefault(kind(name), []).append(spent)
    total = float(len(waiting))
    for name in waiting:
        total += seconds[name] or mean(known.get(kind(name), [0.0]))
    counts = Counter(kind(name) for name in seconds if name in waiting)
    untimed = [name for name in counts if name not in known]
    listed = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in counts.items())
    told = f"{len(seconds) - len(waiting)} of {len(seconds)} stages are up to date. To run: {listed}."
    if len(untimed) < len(counts):
        told += f"\nBy the last times on record, this takes {duration(total)}"
        told += (
            f" and what these take, of which no time is known: {', '.join(untimed)}." if untimed else "."
        )
    return told


def kind(name: str) -> str:
    return name.partition("@")[0]


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    command.run(main)
