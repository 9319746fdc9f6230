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

MISTAKES = 12  # as pictures
TWINS = 60  # pairs, as pictures


def main(
    *, metrics: Path, softmax: Path, predictions: Path, curves: Path, trials: Path, pca: Path,
    timings: Path, anatomy: Path, seen: Path, rows: Path, further: Path, pairs: Path, pixels: Path,
    pictures: Path, templates: Path, table: Path, figures: Path, page: Path, html: Path,
) -> None:  # fmt: skip
    """Write the table, the figures and the pages."""
    params, images, found = load_params(), index.read(rows), duplicates.read(pairs)
    headline, all_splits = images.train, np.vstack([images.train, splits.read(further)])
    digests = splits.digest(headline), splits.digest(all_splits)
    lines = tables.collect(params, tables.Sources(metrics, softmax, timings, *digests))
    run = [row.probe for row in tables.having_run(lines)]
    told = {probe: outcomes.read(predictions / f"{probe}.csv") for probe in run}
    spread = {probe: outcomes.read_trials(trials / f"{probe}.csv") for probe in run}
    lines = ranking.compared(lines, told, spread)
    lines = ranking.without_twins(lines, told, duplicates.seen_in_training(found, headline))
    backbones = answers.backbones(params, lines, anatomy, seen, timings)
    fewer = read_fewer(params, pca, timings / "reduce", digests[0])
    with files.whole_file(table) as partial:
        tables.write_csv(partial, lines)
    with files.whole_folder(figures) as folder:
        draw(folder, lines, backbones, told, curves, Pixels(pixels))
        draw_evidence(folder, lines, found, fewer, images, Pixels(pixels))
    values = tell(params, lines, backbones, told, images, found, fewer)
    write_pages(page, html, pictures.parent, templates, values)
    print(pages.render(templates, "table.md.j2", {**values, "html": False}))


def read_fewer(
    params: Mapping[str, Any], pca: Path, timings: Path, digest: str
) -> dict[str, list[outcomes.Component]]:
    """The curve of each probe that has been tried with fewer dimensions, with the present parameters."""
    found = {}
    for probe in params["pca"]["probes"]:
        wanted = {**tables.identity(params, [probe]), "C": params["svm"]["C"], "split_digest": digest}
        paths = pca / f"{probe}.csv", timings / f"{probe}.json"
        found[probe] = outcomes.read_components(*paths, wanted)
    return {probe: points for probe, points in found.items() if points}


def draw(
    folder: Path,
    rows: Sequence[Row],
    backbones: Sequence[Backbone],
    told: Mapping[str, Outcome],
    curves: Path,
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
    against_C = {probe: outcomes.read_curve(curves / f"{probe}.csv") for probe in told}
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
        "files": answers.files(backbones),
        "models": {backbone.name: backbone.model for backbone in backbones},
        "pairs": answers.pairs(backbones),
        "headed": [row for row in run if row.softmax_accuracy is not None],
    }


def write_pages(
    page: Path, html: Path, folder: Path, templates: Path, values: Mapping[str, Any]
) -> None:
    """Write the Markdown page, and the HTML page with the pictures of `folder` inside."""
    with files.whole_file(page) as partial:
        text = pages.render(templates, "report.md.j2", {**values, "html": False})
        partial.write_text(text, encoding="utf-8")
    body = pages.html(pages.render(templates, "report.md.j2", {**values, "html": True}), folder)
    with files.whole_file(html) as partial:
        text = pages.render(templates, "report.html.j2", {"body": body})
        partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    command.run(main)
