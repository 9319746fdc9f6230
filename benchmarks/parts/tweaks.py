"""Measure what a changed parameter costs: which stages run, how long, and what all stages would take.

    python -m benchmarks.parts.tweaks           (all, about an hour on two cores)
    python -m benchmarks.parts.tweaks C fusion  (these; the others keep their rows)
    python -m benchmarks.parts.tweaks --records splits

Optional (`make bench-optional`): an hour. `dvc repro` must have run the study in the folder `--study`
(this one unless given); its params.yaml and its report are changed and restored. No other `dvc` command
may run at the same time, nor any other heavy program. With `--records` nothing runs: the row has the
sum of the seconds that are on record for the stages that would run.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.harness.measure import RESULTS, Row, keep
from benchmarks.parts.overhead import kinds, run
from stages.runtime import timing

MOST = 150.0  # seconds until the table stands after another svm.C
LITE = "efficientnet_lite0"
UNAVAILABLE = {"fetch_weights@vgg16", "fetch_weights@resnet50"}  # without a network
TEMPLATE = Path("stages/reporting/templates/report.md.j2")


def more_layers(params: Any) -> None:
    params["backbones"][LITE]["layers"]["blocks3"] = "blocks.3"
    params["probes"].append(f"{LITE}/blocks3")


TWEAKS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "C": ("another svm.C", lambda p: p["svm"].update(C=0.5)),
    "components": (
        "another number of PCA components",
        lambda p: p["pca"].update(components=[*p["pca"]["components"], 24]),
    ),
    "fusion": (
        "one more fusion",
        lambda p: p["fusions"].update(two=[f"{LITE}/blocks6", f"{LITE}/avgpool"]),
    ),
    "less": ("one probe less", lambda p: p["probes"].remove(f"{LITE}/blocks2")),
    "wording": ("another wording in the report", lambda p: None),
    "layer": ("one more layer", more_layers),
    "normalize": ("another svm.normalize", lambda p: p["svm"].update(normalize="l2")),
    "grid": ("another svm.grid", lambda p: p["svm"].update(grid=p["svm"]["grid"][1:])),
    "splits": ("one more random split", lambda p: p["splits"].update(random=p["splits"]["random"] + 1)),
}


def repro(folder: Path) -> list[str]:
    """Run the study as `make repro` does, past weights that are not to be had; the stages that ran."""
    said = run(folder, "-m", "dvc", "repro", "--keep-going", check=False)
    said += run(folder, "-m", "dvc", "repro", "--single-item", "similarity", "report")
    return [stage for stage in re.findall(r"Running stage '(.*?)'", said) if stage not in UNAVAILABLE]


@contextmanager
def tweaked(folder: Path, name: str) -> Iterator[None]:
    """Change the study's parameters, or its report, in the block; restore the files afterwards."""
    path, template = folder / "params.yaml", folder / TEMPLATE
    before, wording = path.read_text(), template.read_text()
    yaml = YAML()
    params = yaml.load(before)
    TWEAKS[name][1](params)
    try:
        with path.open("w") as file:
            yaml.dump(params, file)
        if name == "wording":
            template.write_text(wording.replace("# At which layer?", "# Which layer?"))
        yield
    finally:
        path.write_text(before)
        template.write_text(wording)


def measured(folder: Path, name: str) -> tuple[float, list[str], str]:
    """The seconds of a run with the tweak, its stages, and no remark; then the folder is restored."""
    try:
        with tweaked(folder, name):
            start = time.perf_counter()
            stages = repro(folder)
            return time.perf_counter() - start, stages, ""
    finally:
        repro(folder)  # from DVC's cache


def recorded(folder: Path, name: str) -> tuple[float, list[str], str]:
    """The seconds on record of the stages that the tweak would run, these stages, and a remark."""
    with tweaked(folder, name):
        changed = would_run(folder)
    # Without the tweak, stages whose weights are not to be had would run, and what follows from them.
    unchanged = set(would_run(folder))
    stages = [*(stage for stage in changed if stage not in unchanged), "report"]
    files = [record(folder, stage) for stage in stages]
    records = [json.loads(file.read_text()) for file in files if file.exists()]
    slowed = sum(timing.slowed(one) for one in records)
    remark = f" on record, {slowed} of {len(records)} stages beside other programs"
    return float(sum(one["wall_seconds"] for one in records)), stages, remark


def would_run(folder: Path) -> list[str]:
    """The stages that would run, and all that follow from them."""
    options = ("--dry", "--keep-going", "--force-downstream")
    said = run(folder, "-m", "dvc", "repro", *options, check=False)
    return re.findall(r"Running stage '(.*?)'", said)


def record(folder: Path, stage: str) -> Path:
    """The file with the seconds of a stage."""
    kind, _, item = stage.partition("@")
    kind, item = {
        "fuse": ("train", f"fusion/{item}"),
        "tune_fusion": ("tune", f"fusion/{item}"),
    }.get(kind, (kind, item))
    return folder / "data" / "timings" / (f"{kind}/{item}.json" if item else f"{kind}.json")


def from_scratch(folder: Path) -> float:
    """The sum of the seconds on record of all stages."""
    records = (json.loads(path.read_text()) for path in (folder / "data/timings").rglob("*.json"))
    return float(sum(record["wall_seconds"] for record in records))


def main() -> None:
    """Measure the tweaks that are named; keep the rows of the others."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", type=Path, default=Path())
    parser.add_argument("--records", action="store_true")
    parser.add_argument("tweaks", nargs="*", metavar="TWEAK", help=", ".join(TWEAKS))
    arguments = parser.parse_args()
    unknown = set(arguments.tweaks) - set(TWEAKS)
    if unknown or not (arguments.study / "dvc.lock").exists():
        sys.exit(f"expected a finished study and tweaks among {', '.join(TWEAKS)}")
    clean = ["git", "diff", "--quiet", "HEAD"]
    subprocess.run(clean, cwd=arguments.study, check=True)
    path = RESULTS / "tweaks.json"
    known = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = {row["what"]: Row(**row) for row in known}
    scratch = from_scratch(arguments.study)
    for name in arguments.tweaks or TWEAKS:
        what = TWEAKS[name][0]
        seconds, stages, remark = (recorded if arguments.records else measured)(arguments.study, name)
        goal = {"target": f"at most {MOST:g} s", "met": seconds <= MOST} if name == "C" else {}
        whole = f"{scratch / 60:.0f} min from scratch"
        ours = f"{seconds:.0f} s{remark}"
        rows[what] = Row(what, ours, whole, scratch / seconds, note=kinds(stages), **goal)
        order = [title for title, _ in TWEAKS.values() if title in rows]
        keep("tweaks", "A changed parameter, on the real study", [rows[title] for title in order])


if __name__ == "__main__":
    main()
