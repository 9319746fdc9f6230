"""What the pipeline itself costs: finding nothing to do, one number changed, starting a stage.

    make demo
    python -m benchmarks.parts.overhead

Measured in build/demo, where `make demo` has run everything: a dozen rounds of `dvc repro`, one of them
with another `svm.C`, which is put back. Of the real project only `dvc status` is asked. Let no other
`dvc` command run meanwhile. Two minutes.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.harness.measure import Row, Times, in_turn, keep, timed
from stages.runtime.params import load_params

DEMO, ROUNDS, MOST = Path("build/demo"), 5, 3.0  # seconds, of a `dvc repro` with nothing to do


def run(folder: Path, *arguments: str, check: bool = True) -> str:
    """Run `python <arguments>` in `folder`, where `python` is this one for DVC's stages too."""
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
    """The seconds of `dvc repro` with another `svm.C`, and the stages that ran; then put it back."""
    path = folder / "params.yaml"
    before = path.read_text()
    # A value that was never there: DVC knows the results of those that were.
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


def train(folder: Path, probe: str, outputs: Path) -> None:
    """`python -m stages.train`, as DVC calls it, with its outputs elsewhere."""
    options = {
        "kernel": f"data/kernels/{probe}.h5",
        "rows": "data/index.csv",
        "further": "data/splits.csv",
    }
    made = {"machine": "h5", "metrics": "json", "predictions": "csv", "curve": "csv", "trials": "csv"}
    options |= {name: str(outputs / f"{name}.{kind}") for name, kind in made.items()}
    options["timings"] = str(outputs / "timings.json")
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    run(folder, "-m", "stages.train", probe, *words)


def start_up(folder: Path, probe: str) -> dict[str, Times]:
    """Seconds of `train` beside the protocol, of importing it, and of importing nothing."""
    beside, importing, python = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        outputs = Path(temporary)
        for number in range(ROUNDS + 1):
            whole = timed(lambda: train(folder, probe, outputs))
            fitting = json.loads((outputs / "timings.json").read_text())["all_seconds"]
            imports = timed(lambda: run(folder, "-c", "import stages.train"))
            bare = timed(lambda: run(folder, "-c", "pass"))
            if number:  # the first one warms up
                beside.append(whole - fitting)
                importing.append(imports)
                python.append(bare)
    return {"train": Times(beside), "import": Times(importing), "python": Times(python)}


def main() -> None:
    """Measure in the demo, then ask the real project."""
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
    starts = start_up(demo, load_params(demo / "params.yaml")["probes"][0])
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
            note=f"once; {len(stages)} stages ran, {each:.2g} s each: {_kinds(stages)}",
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


def _kinds(stages: list[str]) -> str:
    verbs = [stage.partition("@")[0] for stage in stages]
    return ", ".join(f"{verbs.count(verb)} {verb}" for verb in dict.fromkeys(verbs))


if __name__ == "__main__":
    main()
