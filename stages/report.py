"""Tell what came out: the table, the figures, and a page that answers the study's questions.

    dvc repro report

Reads the results of the other stages, their times, and the images. Writes results/, which git keeps:
report.html, one file with its pictures inside; report.md; table.csv; duplicates.csv; figures/; summary/,
for `dvc metrics`; plots/, for `dvc plots`; and copies of the small files under data/. Nothing of a
removed probe stays. The report names what was not run. Prints the main columns of the table.
"""

from stages.dataset import duplicates
from stages.reporting import answers, committed, findings, pages, plots, table
from stages.reporting.figures.report import draw
from stages.runtime import command, files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths


def main(*, paths: Paths) -> None:
    """Write the folder of results."""
    found = findings.read(load_params(), paths)
    report = answers.answer(found)
    with files.whole_folder(paths.results) as folder:
        kept = Paths(paths.data, folder)
        committed.copy(found, paths, kept.committed())
        committed.summarise(found.results, kept)
        plots.write(found, paths, kept)
        duplicates.write_table(kept.duplicates_table, found.pairs, found.index.keys, found.index.split)
        table.write_csv(kept.table, found.rows)
        kept.figures.mkdir()
        draw(kept.figures, found)
        pages.write(kept, vars(report))
    print(table.text(found.rows, report.marked))
    print("≈ cannot be told from the best layer; † other programs made the time longer")
    print(f"The report: {paths.report('.html')}")


if __name__ == "__main__":
    command.run(main)
