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
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.harness.measure import RESULTS, Row, keep
from benchmarks.parts.overhead import kinds, run

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


def measured(folder: Path, name: str) -> tuple[float, list[str]]:
    """The seconds of a run with the tweak, and its stages; then the folder is restored."""
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
        start = time.perf_counter()
        stages = repro(folder)
        return time.perf_counter() - start, stages
    finally:
        path.write_text(before)
        template.write_text(wording)
        repro(folder)  # from DVC's cache


def recorded(folder: Path, name: str) -> tuple[float, list[str]]:
    """The seconds on record of the stages that the tweak would run, and these stages."""
    path = folder / "params.yaml"
    before, yaml = path.read_text(), YAML()
    params = yaml.load(before)
    TWEAKS[name][1](params)
    try:
        with path.open("w") as file:
            yaml.dump(params, file)
        said = run(
            folder, "-m", "dvc", "repro", "--dry", "--keep-going", "--force-downstream", check=False
        )
    finally:
        path.write_text(before)
    # `--dry` stops at weights that are not to be had, and the report with them.
    stages = [stage for stage in re.findall(r"Running stage '(.*?)'", said) if stage not in UNAVAILABLE]
    names = (
        stage.replace("tune_fusion@", "tune/fusion/").replace("fuse@", "train/fusion/").replace("@", "/")
        for stage in stages
    )
    paths = (folder / "data" / "timings" / f"{name}.json" for name in names)
    records = [json.loads(path.read_text()) for path in paths if path.exists()]
    return float(sum(record["wall_seconds"] for record in records)), stages


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
        seconds, stages = (recorded if arguments.records else measured)(arguments.study, name)
        goal = {"target": f"at most {MOST:g} s", "met": seconds <= MOST} if name == "C" else {}
        whole = f"{scratch / 60:.0f} min from scratch"
        ours = f"{seconds:.0f} s{' on record' if arguments.records else ''}"
        rows[what] = Row(what, ours, whole, scratch / seconds, note=kinds(stages), **goal)
        order = [title for title, _ in TWEAKS.values() if title in rows]
        keep("tweaks", "A changed parameter, on the real study", [rows[title] for title in order])


if __name__ == "__main__":
    main()
