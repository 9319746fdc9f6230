"""Gather the results of all probes.

    dvc repro report

Reads results/metrics/ and data/timings/ for each of `probes`; writes results/table.csv,
results/table.md and results/accuracy.png. A probe that was not run is a row that says so.
"""

from pathlib import Path

from stages.core import command, config, figures, output
from stages.core import table as tables


def main(*, metrics: Path, timings: Path, table: Path, page: Path, figure: Path) -> None:
    """Write the table, the page and the figure."""
    params = config.load()
    rows = tables.collect(params, metrics, timings)
    with output.whole_file(table) as partial:
        tables.write_csv(partial, rows)
    with output.whole_file(page) as partial:
        partial.write_text(tables.markdown(rows, params), encoding="utf-8")
    with output.whole_file(figure) as partial:
        figures.accuracy_by_layer(partial, rows)
    print(page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    command.run(main)
