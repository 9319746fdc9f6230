"""Write benchmarks/README.md from the results of the benchmarks.

    python -m benchmarks.harness.page

Reads benchmarks/results/*.json, which `python -m benchmarks.parts.<part>` writes, and
benchmarks/harness/page.md.j2.
"""

import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.harness.measure import RESULTS

HERE = Path(__file__).parent


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table; empty columns are left out."""
    columns = {
        "": [row["what"] for row in rows],
        "ours": [row["ours"] for row in rows],
        "the other": [row["other"] for row in rows],
        "ratio": ["" if row["ratio"] is None else f"{row['ratio']:.3g}" for row in rows],
        "target": [_target(row) for row in rows],
        "notes": [row["note"] for row in rows],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    lines = [list(shown), ["---:" if name == "ratio" else "---" for name in shown]]
    lines += [list(cells) for cells in zip(*shown.values(), strict=True)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _target(row: dict[str, Any]) -> str:
    if row["met"] is None:
        return str(row["target"])
    return f"{row['target']}: {'reached' if row['met'] else '**missed**'}"


def main() -> None:
    """Write the page."""
    parts = {path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))}
    loader = FileSystemLoader(HERE)
    environment = Environment(loader=loader, trim_blocks=True, undefined=StrictUndefined)  # noqa: S701 Markdown
    page = environment.get_template("page.md.j2").render(parts=parts, table=table)
    (HERE.parent / "README.md").write_text(re.sub(r"\n{3,}", "\n\n", page).strip() + "\n")


if __name__ == "__main__":
    main()
