"""Tell what came out: the table, the figures, and a page that answers the study's questions.

    dvc repro report

Reads what the other stages left in results/, data/glimpse/ and data/timings/, and the images of the
mistakes; writes results/table.csv, results/figures/, results/report.md and results/report.html (one file
with everything inside). What was not run is named, and never filled in.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from stages.dataset import duplicates, index, splits
from stages.dataset.duplicates import Pair
from stages.dataset.index import Index
from stages.dataset.pixels import Pixels
from stages.inspection import summary
from stages.reporting import answers, pages, ranking, significance
from stages.reporting import predictions as outcomes
from stages.reporting import table as tables
from stages.reporting.answers import Backbone
from stages.reporting.figures import accuracy, uncertainty
from stages.reporting.predictions import Outcome
from stages.reporting.table import Row
from stages.runtime import command, files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe

MISTAKES = 12  # as pictures
TEMPLATES = Path(pages.__file__).parent / "templates"
TWINS = 60  # pairs, as pictures


def main(*, paths: Paths) -> None:
    """Write the table, the figures and the pages."""
    params, images, found = load_params(), index.read(paths.index), duplicates.read(paths.duplicates)
    headline, all_splits = images.train, np.vstack([images.train, splits.read(paths.random_splits)])
    digests = splits.digest(headline), splits.digest(all_splits)
    lines = tables.collect(params, tables.Sources(paths, *digests))
    run = [row.probe for row in tables.having_run(lines)]
    told = {probe: outcomes.read(paths.predictions(Probe.parse(probe))) for probe in run}
    spread = {probe: outcomes.read_trials(paths.splits(Probe.parse(probe))) for probe in run}
    lines = ranking.compared(lines, told, spread)
    lines = ranking.without_twins(lines, told, duplicates.seen_in_training(found, headline))
    backbones = answers.backbones(params, lines, paths)
    fewer = read_fewer(params, paths, digests[0])
    tables.write_csv(paths.table, lines)
    with files.whole_folder(paths.figures) as folder:
        draw(folder, lines, backbones, told, paths, Pixels(paths.pixels))
        draw_evidence(folder, lines, found, fewer, images, Pixels(paths.pixels))
    values = tell(params, lines, backbones, told, images, found, fewer)
    write_pages(paths, values)
    print(pages.render(TEMPLATES, "table.md.j2", {**values, "html": False}))


def read_fewer(
    params: Mapping[str, Any], paths: Paths, digest: str
) -> dict[str, list[outcomes.Component]]:
    """The curve of each probe that has been tried with fewer dimensions, with the present parameters."""
    found = {}
    for probe in params["pca"]["probes"]:
        wanted = {**tables.identity(params, [probe]), "C": params["svm"]["C"], "split_digest": digest}
        found[probe] = outcomes.read_components(paths, Probe.parse(probe), wanted)
    return {probe: points for probe, points in found.items() if points}


def draw(
    folder: Path,
    rows: Sequence[Row],
    backbones: Sequence[Backbone],
    told: Mapping[str, Outcome],
    paths: Paths,
    images: Pixels,
) -> None:
    """Draw what there is to see of accuracies; where there is nothing yet, a figure that says so."""
    best = ranking.best_row(rows)
    if best is None:
        for name in ("depth", "trade-offs", "curves", "heads", "classes", "confusion", "mistakes"):
            accuracy.nothing(folder / f"{name}.png", "No probe was run yet")
        return
    models = {backbone.name: backbone.model for backbone in backbones}
    random = {backbone.name for backbone in backbones if backbone.random}
    accuracy.depth(folder / "depth.png", rows, models, random)
    accuracy.trade_offs(folder / "trade-offs.png", rows)
    against_C = {probe: outcomes.read_curve(paths.curve(Probe.parse(probe))) for probe in told}
    accuracy.curves(folder / "curves.png", against_C)
    accuracy.classes(folder / "classes.png", told)
    accuracy.confusion(folder / "confusion.png", best.probe, told[best.probe])
    if any(row.softmax_accuracy is not None for row in rows):
        accuracy.heads(folder / "heads.png", rows)
    else:
        accuracy.nothing(folder / "heads.png", "No softmax layer was trained yet")
    wrong = told[best.probe].mistakes()[:MISTAKES]
    if wrong:
        shown = [images[mistake.row : mistake.row + 1][0] for mistake in wrong]
        names = [images.names[mistake.row] for mistake in wrong]
        accuracy.mistakes(folder / "mistakes.png", wrong, shown, names)
    else:
        accuracy.nothing(folder / "mistakes.png", f"{best.probe} makes no mistake")


def draw_evidence(
    folder: Path,
    rows: Sequence[Row],
    pairs: Sequence[Pair],
    fewer: Mapping[str, Sequence[outcomes.Component]],
    split: Index,
    images: Pixels,
) -> None:
    """Draw what tells how sure the accuracies are."""
    if tables.having_run(rows):
        uncertainty.spread(folder / "spread.png", rows)
    else:
        accuracy.nothing(folder / "spread.png", "No probe was run yet")
    near = sorted((pair for pair in pairs if not pair.exact), key=lambda pair: pair.distance)[-TWINS:]
    if near:
        shown = [images[row : row + 1][0] for pair in near for row in (pair.a, pair.b)]
        uncertainty.duplicates(folder / "duplicates.png", near, shown, split)
    else:
        accuracy.nothing(folder / "duplicates.png", "No two pictures are nearly the same")
    if fewer:
        uncertainty.components(folder / "components.png", fewer)
    else:
        accuracy.nothing(folder / "components.png", "No layer was tried with fewer dimensions yet")


def tell(
    params: Mapping[str, Any],
    rows: Sequence[Row],
    backbones: Sequence[Backbone],
    told: Mapping[str, Outcome],
    split: Index,
    pairs: Sequence[Pair],
    fewer: Mapping[str, Sequence[outcomes.Component]],
) -> dict[str, Any]:
    """All that the templates name."""
    run = tables.having_run(rows)
    lookers = [b for b in backbones if b.glimpse and b.glimpse.first]
    best = ranking.best_row(rows)
    subject, distinct = backbones[0], answers.one_of_each_model
    return {
        "story": answers,
        "ranking": ranking,
        "listing": lambda layers: Markup(summary.markdown(layers)),  # noqa: S704 modules, numbers
        "questions": [question.format(network=subject.name) for question in answers.QUESTIONS],
        "network": subject.name,
        "data": answers.DATA[params["data"]["source"]],
        "size": params["data"]["image_size"],
        "split": answers.split(params),
        "n": len(split.keys),
        "n_train": int(split.train.sum()),
        "n_test": int((~split.train).sum()),
        "classes": split.classes,
        "index": split,
        "svm": params["svm"],
        "softmax": params["softmax"],
        "rows": rows,
        "run": run,
        "probed": tables.single_layers(run),
        "fusions": [row for row in rows if row.fused],
        "best_on_average": ranking.best_on_average(rows),
        "alike": ranking.alike(rows),
        "alike_on_average": ranking.alike_on_average(rows),
        "splits": params["splits"],
        "further": answers.further(params),
        "twins": ranking.twin_counts(pairs, split),
        "most_twins": TWINS,
        "bits": params["duplicates"]["distance"],
        "fewer": fewer,
        "named": {row.probe: row for row in run},
        "leaders": [backbone.best for backbone in backbones],
        "best": best,
        "outcome": told[best.probe] if best else None,
        "fitted": [row for row in run if row.train_accuracy == 1],
        "absent": answers.absent(backbones, rows),
        "machines": sorted({m for row in run for m in (row.feature_machine, row.svm_machine) if m}),
        "peaks": answers.peaks(run),
        "level": significance.LEVEL,
        "backbones": backbones,
        "subject": subject,
        "others": distinct(backbones)[1:],
        "timed": distinct([backbone for backbone in backbones if backbone.rehearsal]),
        "speakers": [backbone for backbone in backbones if backbone.said],
        "shown": distinct([backbone for backbone in backbones if backbone.glimpse]),
        "lookers": lookers,
        # Here and not in the template, which is filled twice.
        "first_maps": {b.name: answers.first_maps(b.glimpse) for b in lookers if b.glimpse},
        "files": answers.example_files(backbones),
        "models": {backbone.name: backbone.model for backbone in backbones},
        "pairs": answers.pairs(backbones),
        "headed": [row for row in run if row.softmax_accuracy is not None],
    }


def write_pages(paths: Paths, values: Mapping[str, Any]) -> None:
    """Write the Markdown page, and the HTML page with all pictures inside."""
    text = pages.render(TEMPLATES, "report.md.j2", {**values, "html": False})
    files.write_text(paths.report(".md"), text)
    marked = pages.render(TEMPLATES, "report.md.j2", {**values, "html": True})
    body = pages.html(marked, paths.results)
    files.write_text(paths.report(".html"), pages.render(TEMPLATES, "report.html.j2", {"body": body}))


if __name__ == "__main__":
    command.run(main)
