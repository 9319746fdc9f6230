"""Measure the overhead of the pipeline: nothing to do, one changed number, the start of a stage.

    make demo
    python -m benchmarks.parts.overhead

Runs for two minutes in build/demo, where `make demo` has run everything: a dozen rounds of `dvc repro`,
one of them with another `svm.C`, which is then restored. In the real project it runs only `dvc status`.
No other `dvc` command may run at the same time.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.harness.measure import Row, Times, in_turn, keep, timed
from benchmarks.harness.miniature import link
from stages.runtime import files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

DEMO, ROUNDS, MOST = Path("build/demo"), 5, 3.0  # MOST: seconds of a `dvc repro` with nothing to do


def run(folder: Path, *arguments: str, check: bool = True) -> str:
    """Run `python <arguments>` in `folder`; DVC's stages use the same Python."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "TQDM_DISABLE": "1"}
    words = [sys.executable, *arguments]
    done = subprocess.run(
        words, cwd=folder, env=variables, check=check, text=True, stdout=subprocess.PIPE
    )
    return done.stdout


def repro(folder: Path) -> list[str]:
    """`dvc repro`; returns the stages that ran."""
    return re.findall(r"Running stage '(.*?)'", run(folder, "-m", "dvc", "repro"))


def count(folder: Path) -> int:
    """How many stages have been run."""
    return len(YAML(typ="safe").load(folder / "dvc.lock")["stages"])


def change(folder: Path) -> tuple[float, list[str]]:
    """The seconds of `dvc repro` with another `svm.C`, and the stages that ran; then restore it."""
    path = folder / "params.yaml"
    before = path.read_text()
    # A new value every time: DVC keeps the results of values that it has seen.
    after, count = re.subn(r"(?m)^(svm:\n  C: ).*$", rf"\g<1>0.5{time.time_ns() % 10**9:09}", before)
    if count != 1:
        sys.exit(f"expected svm.C as the first entry of svm in {path}")
    try:
        path.write_text(after)
        start = time.perf_counter()
        stages = repro(folder)
        return time.perf_counter() - start, stages
    finally:
        path.write_text(before)
        repro(folder)


def train(demo: Path, probe: Probe, paths: Paths) -> None:
    """`python -m stages.train` in the demo, as DVC calls it, with its outputs at `paths`."""
    folders = ("--data", str(paths.data), "--results", str(paths.results))
    run(demo, "-m", "stages.train", str(probe), *folders)


def start_up(demo: Path, probe: Probe) -> dict[str, Times]:
    """Seconds of `train` without the protocol, of importing it, and of starting Python alone."""
    beside, importing, python = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        paths, project = Paths(Path(temporary, "data"), Path(temporary, "results")), Paths(demo / "data")
        link(paths, project.kernel(probe), project.index, project.random_splits, project=project)
        for number in range(ROUNDS + 1):
            whole = timed(lambda: train(demo, probe, paths))
            fitting = files.read_json(paths.timings("train", probe))["all_seconds"]
            imports = timed(lambda: run(demo, "-c", "import stages.train"))
            bare = timed(lambda: run(demo, "-c", "pass"))
            if number:  # the first one warms up
                beside.append(whole - fitting)
                importing.append(imports)
                python.append(bare)
    return {"train": Times(beside), "import": Times(importing), "python": Times(python)}


def main() -> None:
    """Measure in the demo and the real project; keep the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--demo", type=Path, default=DEMO, help="default: %(default)s, of `make demo`")
    demo = parser.parse_args().demo
    if not (demo / "dvc.lock").exists():
        sys.exit(f"expected a finished study in {demo}; found none. Next: make demo.")
    stale = repro(demo)
    if stale:
        print(f"{demo} was not up to date: {', '.join(stale)}", flush=True)
    nothing = in_turn(ROUNDS, repro=lambda: repro(demo))["repro"]
    changed, stages = change(demo)
    starts = start_up(demo, Probe.parse(load_params(demo / "params.yaml")["probes"][0]))
    real = timed(lambda: run(Path.cwd(), "-m", "dvc", "status", "--quiet", check=False))
    each = changed / max(1, len(stages))
    rows = [
        Row(
            "dvc repro with nothing to do, demo",
            f"{nothing}",
            f"{count(demo)} stages",
            target=f"at most {MOST:g} s",
            met=nothing.median <= MOST,
        ),
        Row(
            "dvc repro with svm.C changed, demo",
            f"{changed:.3g} s",
            f"{nothing.median:.3g} s with nothing to do",
            changed / nothing.median,
            note=f"once; {len(stages)} stages ran, {each:.2g} s each: {kinds(stages)}",
        ),
        Row(
            "start-up of one train stage: all but the protocol",
            f"{starts['train']}",
            f"{starts['import']} import stages.train",
            starts["train"].median / starts["import"].median,
            note=f"python alone {starts['python']}",
        ),
        Row("dvc status of this project", f"{real:.3g} s", f"{count(Path())} stages", note="once"),
    ]
    keep("overhead", "Pipeline overhead", rows)


def kinds(stages: list[str]) -> str:
    verbs = [stage.partition("@")[0] for stage in stages]
    return ", ".join(f"{verbs.count(verb)} {verb}" for verb in dict.fromkeys(verbs))


if __name__ == "__main__":
    main()
