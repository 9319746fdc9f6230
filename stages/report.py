"""Tell what came out: the table, the figures, and a page that answers the study's questions.

    dvc repro report

Reads the results of the other stages, their times, and the images. Writes results/table.csv,
results/figures/, results/report.md and results/report.html, which is one file with its pictures inside.
The report names what was not run. Prints the main columns of the table.
"""

from stages.reporting import answers, findings, pages, table
from stages.reporting.figures.report import draw
from stages.runtime import command, files
from stages.runtime.params import load_params
from stages.runtime.paths import Paths


def main(*, paths: Paths) -> None:
    """Write the table, the figures and the pages."""
    found = findings.read(load_params(), paths)
    table.write_csv(paths.table, found.rows)
    with files.whole_folder(paths.figures) as folder:
        draw(folder, found)
    report = answers.answer(found)
    pages.write(paths, vars(report))
    print(table.text(found.rows, report.marked))
    print("≈ cannot be told from the best layer; † other programs made the time longer")
    print(f"The report: {paths.report('.html')}")


if __name__ == "__main__":
    command.run(main)
